import { expect, it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { takenAsSensed } from "../../../../firmware-sim/world/checkers/taken-as-sensed.ts";
import { configuration } from "../../../site/site-fixture.ts";
import { CheckedSite, expectCaught } from "./checked-site.ts";

const watched = (): CheckedSite => new CheckedSite([siteBooks, takenAsSensed]);

function sense(site: CheckedSite, value: number, { sensor = "a-t", device = "a" } = {}): void {
  const sensed = { machine: device, card: `card of ${device}`, sensor, value };
  site.tell((checker) => checker.sensed?.(sensed));
}

const healed = (site: CheckedSite) => (): void => site.tell((checker) => checker.healed?.());

it("what a sensor said is taken, in whatever portions", () => {
  const site = watched();
  for (const value of [11, 12, 13]) sense(site, value);
  site.take("a", [11, 12]);
  site.take("a", [13]);
  expect(healed(site)).not.toThrow();
});

it("what was said before a power cut may be gone, or may be found on the card", () => {
  const site = watched();
  sense(site, 11);
  const [first] = site.lives;
  if (first === undefined) throw new Error("two devices");
  site.end(first);
  site.live("a");
  expect(healed(site)).not.toThrow();
  site.take("a", [11]);
  expect(healed(site)).not.toThrow();
});

it("a sensor that counts nowhere need not be listened to", () => {
  const site = watched();
  site.configure(configuration(["b"]));
  sense(site, 11);
  expect(healed(site)).not.toThrow();
});

it("a device that says that its card is full takes nothing until it says that it does again", () => {
  const site = watched();
  const say = (event: string): void => site.tell((checker) => checker.logged?.("a", event, {}));
  say("this device takes no readings any more");
  sense(site, 11);
  expect(healed(site)).not.toThrow();
  say("this device takes readings again");
  sense(site, 12);
  expectCaught("taken-as-sensed", healed(site));
});

it("caught: a value that no sensor said", () => {
  const site = watched();
  sense(site, 11);
  expectCaught("taken-as-sensed", () => site.take("a", [10]));
});

it("caught: a value that another sensor said, or that was said on another machine", () => {
  const site = watched();
  sense(site, 11, { sensor: "b-t" });
  expectCaught("taken-as-sensed", () => site.take("a", [11]));
  const other = watched();
  sense(other, 11, { device: "b" });
  expectCaught("taken-as-sensed", () => other.take("a", [11]));
});

it("caught: one reading taken twice", () => {
  const site = watched();
  sense(site, 11);
  site.take("a", [11]);
  expectCaught("taken-as-sensed", () => site.take("a", [11]));
});

it("caught: the last that a sensor said, taken never, on a device that went on running", () => {
  const site = watched();
  sense(site, 11);
  sense(site, 12);
  site.take("a", [11]);
  expectCaught("taken-as-sensed", healed(site));
});
