// What is said of lost readings while the outbox is full: it must neither be forgotten nor grow for ever (P3, P8).

import { expect, it } from "vitest";
import { deviceId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { SiteState } from "../../src/site/state.ts";
import { incarnation, Site, StoredCells, siteWithin } from "./site-fixture.ts";

/** Its outbox takes nothing, and so is full from the first event on; the room for events of losses is as everywhere. */
const bounds = { ...limits, outboxBytes: 1 };
const site = (): Site => siteWithin(bounds, "a", "b");

/** The card of `device` is wiped once more; each time three readings had been taken and not counted. */
function wipe(s: Site, device: string, life: number): void {
  expect(s.count(device, 0, [20], { life, stored: 4 }).outcome.kind).toBe("done");
  s.join(device, { life: life + 1 });
}

function wipeUntilCrowded(s: Site): number {
  let life = 1;
  while (s.state.outbox.bytes < 1 + limits.lossEventsBytes) {
    wipe(s, "a", life);
    life += 1;
  }
  return life;
}

const acknowledgeAll = (s: Site) => s.apply({ kind: "cursor", upTo: s.state.outbox.next - 1 });

it("a device whose card is empty at each start does not fill the outbox beyond its bound", () => {
  const s = site();
  const from = wipeUntilCrowded(s);
  const { next, bytes } = s.state.outbox;
  for (let life = from; life < from + 500; life++) wipe(s, "a", life);
  expect(s.state.outbox.next).toBe(next);
  expect(bytes).toBeLessThan(1 + limits.lossEventsBytes + 1_024);
});

it("what found no room is said once items get through: one event for each device, with all its readings", () => {
  const s = site();
  const life = wipeUntilCrowded(s);
  const { next } = s.state.outbox;
  wipe(s, "b", 1);
  for (const more of [0, 1, 2, 3]) wipe(s, "a", life + more);
  expect(s.state.outbox.next).toBe(next);
  acknowledgeAll(s);
  const said = [];
  for (;;) {
    const events = s.items("events");
    if (events.length === 0) break;
    said.push(...events);
    acknowledgeAll(s);
  }
  expect(said).toMatchObject([
    {
      kind: "readings-lost",
      device: "a",
      losses: 4,
      readings: 12,
      text: expect.stringMatching(/^a came back .* 4 times/) as string,
    },
    { kind: "readings-lost", device: "b", losses: 1, readings: 3 },
  ]);
});

it("sums are part of the state: of its digest, and of what a new replica starts from", () => {
  const s = site();
  const life = wipeUntilCrowded(s);
  const stored = new StoredCells(s.state);
  const before = s.state.digest();
  wipe(s, "a", life);
  stored.save(s.state);
  expect(s.state.digest()).not.toBe(before);
  const again = SiteState.load(stored.cells(), bounds);
  expect(again.digest()).toBe(s.state.digest());
  const other = new Site();
  Object.assign(other, { state: again, index: s.index });
  acknowledgeAll(s);
  acknowledgeAll(other);
  expect(other.state.digest()).toBe(s.state.digest());
  expect(other.items("events")).toEqual(s.items("events"));
});

it("of more devices than a site can have members the rest is one sum", () => {
  const s = site();
  wipeUntilCrowded(s);
  for (let number = 0; number < 2 * limits.members + 3; number++) {
    const device = `d${number}`;
    const join = { device: deviceId(device), incarnation: incarnation(1), session: 1, start: 1, was: [], version: "1" };
    s.apply({ kind: "join", joins: [join] });
    s.count(device, 0, [20], { stored: 3 });
    s.apply({ kind: "remove", device: deviceId(device) });
  }
  const said: Record<string, unknown>[] = [];
  for (let round = 0; round < 2 * limits.members + 8; round++) {
    acknowledgeAll(s);
    said.push(...s.items("events"));
  }
  expect(said[0]).toMatchObject({ kind: "readings-lost", losses: 3, readings: 6 });
  expect(said[0]).not.toHaveProperty("device");
  expect(said).toHaveLength(2 * limits.members + 1);
});
