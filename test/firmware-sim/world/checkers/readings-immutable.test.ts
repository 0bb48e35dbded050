import { it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { readingsImmutable } from "../../../../firmware-sim/world/checkers/readings-immutable.ts";
import { sensorId } from "../../../../src/base/ids.ts";
import { seconds, siteTime } from "../../../../src/base/units.ts";
import type { Definitions } from "../../../../src/readings/types.ts";
import { configuration, sensor } from "../../../site/site-fixture.ts";
import { CheckedSite, expectCaught, firstOf } from "./checked-site.ts";

const watched = (): CheckedSite => new CheckedSite([siteBooks, readingsImmutable]);
const heat = configuration(["a", "b"], { sensors: new Map([[sensorId("a-t"), sensor("a", { quantity: "heat" })]]) });

/** The first replica shows definitions that the honest ones become by `change`. */
function defines(site: CheckedSite, change: (honest: Definitions) => Definitions): void {
  const { state } = firstOf(site).replica;
  const honest = (): Definitions => Reflect.get(Object.getPrototypeOf(state), "definitions", state) as Definitions;
  Object.defineProperty(state, "definitions", { get: () => change(honest()) });
}

it("numbers go on through lives, set-aside logs and older copies; definitions begin behind what is counted", () => {
  const site = watched();
  site.take("a", [11, 12]);
  site.take("a", [13]);
  site.tell((checker) => checker.cardCopied?.("card of a", "copy"));
  site.take("a", [14, 15]);
  site.count("a", 0, 5);
  site.now += 600_000;
  site.configure(heat);
  site.configure(
    configuration(["a", "b"], {
      aggregations: new Map([["all", { window: seconds(300), grace: seconds(15), groupBy: ["quantity"], where: {} }]]),
    }),
  );
  site.live("a", 2, "copy");
  site.join("a", 2, 1);
  site.take("a", [16], { first: 6, card: "copy" });
  site.setAside("copy");
  site.live("a", 3, "copy");
  site.join("a", 3);
  site.take("a", [17], { first: 1, card: "copy" });
});

it("caught: a number given to another reading", () => {
  const site = watched();
  site.take("a", [11, 12]);
  expectCaught("readings-immutable", () => site.take("a", [13], { first: 2 }));
});

it("caught: a hole in the numbers", () => {
  const site = watched();
  site.take("a", [11, 12]);
  expectCaught("readings-immutable", () => site.take("a", [13], { first: 4 }));
});

it("caught: a definition that begins before what is counted", () => {
  const site = watched();
  site.take("a", [11, 12]);
  site.now += 100_000;
  site.configure(configuration(["a", "b"], { sensors: new Map([[sensorId("b-t"), sensor("b")]]) }));
  site.take("b", [13]);
  site.count("b", 0, 1);
  defines(site, ({ revision, versions }) => ({
    revision,
    versions: versions.map((version) =>
      version.from === versions.at(-1)?.from ? { ...version, from: siteTime(5) } : version,
    ),
  }));
  expectCaught("readings-immutable", () => site.configure(heat));
});

it("caught: a group that is not what the configuration says", () => {
  const site = watched();
  defines(site, ({ revision, versions }) => ({
    revision,
    versions: versions.map(({ from, aggregations }) => ({
      from,
      aggregations: aggregations.map((aggregation) => ({
        ...aggregation,
        sensors: new Map([...aggregation.sensors].map(([id, place]) => [id, { ...place, group: "cold" }])),
      })),
    })),
  }));
  expectCaught("readings-immutable", () => site.configure(heat));
});
