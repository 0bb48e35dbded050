// Invariants C and E of PROTOCOLS, clever against dumb: whatever is proposed, in whatever order and however often, what the site
// holds and what the cloud was told is the plain sum of the readings up to each origin's place.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceId, type MemberKey, memberKey, type SensorId, sensorId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { seconds, siteTime } from "../../src/base/units.ts";
import { fold } from "../../src/readings/fold.ts";
import type { CountPart, Reading } from "../../src/readings/types.ts";
import type { Command } from "../../src/site/types.ts";
import { foldOf } from "../../src/site/windows.ts";
import { configuration, epoch, incarnation, type Site, siteWithin } from "./site-fixture.ts";

const devices = ["a", "b"];
/** Small, so that windows leave and supplements come within one test. */
const bounds = { ...limits, windowBytes: 1_200, windowBytesMax: 1_000_000, outboxBytes: 3_000 };

interface Origin {
  readonly key: MemberKey;
  readonly device: string;
  readonly readings: Reading[];
}

/** Devices with their cards, a coordinator that proposes, and a cloud that listens. */
class Model {
  readonly s: Site = siteWithin(bounds, ...devices);
  readonly origins: Origin[] = devices.map((device) => this.#origin(device, 1));
  readonly proposed: Command[] = [];
  /** Last editions by series and start, and the sum of supplements. */
  readonly cloud = new Map<string, { edition: number; count: number; sum: number; missing: number }>();
  /** Readings of wiped cards that the site knew of. */
  destroyed = 0;
  /** Negative control: one reading is lost and another doubled, so that counts stay right. */
  isFoldBroken = false;
  #value = 1;
  #lives = 1;

  #origin(device: string, life: number): Origin {
    return { key: memberKey({ device: deviceId(device), incarnation: incarnation(life) }), device, readings: [] };
  }

  current(device: string): Origin {
    const found = this.origins.findLast((origin) => origin.device === device);
    if (found === undefined) throw new Error(device);
    return found;
  }

  take(device: string, age: number): void {
    const { readings } = this.current(device);
    const stamp = siteTime(Math.max(epoch, this.s.now - age));
    // Powers would be unique sums; doubling a prime-like step is enough to tell one lost and one doubled apart.
    this.#value = (this.#value * 48_271) % 2_147_483_647;
    const sensor: SensorId = sensorId(`${device}-t`);
    readings.push({ number: readings.length + 1, sensor, stamp, value: this.#value, quality: 0 });
  }

  propose(device: string, from: number, length: number): void {
    const origin = this.current(device);
    const range = origin.readings.slice(from, from + length);
    const [first] = range;
    if (first === undefined) return;
    if (this.isFoldBroken && range.length > 1) range[1] = first;
    const { definitions } = this.s.state;
    const { parts, stampMax, check } = fold(range, definitions, deviceId(device));
    const to = from + range.length;
    const moves = [{ origin: origin.key, from, to, check, stored: origin.readings.length }];
    const named: CountPart[] = parts.map((part) => ({ ...part, origins: [] }));
    this.proposed.push({ kind: "count", revision: definitions.revision, moves, stampMax, parts: named });
  }

  wipe(device: string, isHeir: boolean): void {
    const before = this.current(device);
    const { counted, stored } = {
      counted: this.s.state.counted(before.key) ?? 0,
      stored: this.s.state.stored(before.key) ?? 0,
    };
    if (!isHeir) this.destroyed += stored - counted;
    this.#lives += 1;
    const wasLife = Number.parseInt(before.key.slice(-32), 16);
    this.s.join(device, { life: this.#lives, ...(isHeir ? { wasLife } : {}) });
    const next = this.#origin(device, this.#lives);
    if (isHeir) next.readings.push(...before.readings);
    this.origins.push(next);
  }

  drain(): void {
    for (const item of this.s.items()) {
      const { aggregation, group, ts, adds } = item as {
        aggregation: string;
        group: string;
        ts: number;
        adds: boolean;
      };
      const key = `${aggregation}/${group}/${ts}${adds ? "+" : ""}`;
      const { edition, count, sum, missing } = item as { edition: number; count: number; sum: number; missing: number };
      const before = this.cloud.get(key);
      if (before === undefined || !key.endsWith("+")) this.cloud.set(key, { edition, count, sum, missing });
      else
        this.cloud.set(key, {
          edition,
          count: before.count + count,
          sum: before.sum + sum,
          missing: before.missing + missing,
        });
    }
    this.s.apply({ kind: "cursor", upTo: this.s.state.outbox.next - 1 });
  }

  close(): boolean {
    const upTo = this.s.state.dueClose(siteTime(this.s.now));
    if (upTo !== undefined) this.s.close(upTo);
    return upTo !== undefined;
  }

  /** Faults off: everything taken is counted and published. */
  heal(): void {
    for (const device of devices) {
      const { key, readings } = this.current(device);
      for (let from = this.s.state.counted(key) ?? 0; from < readings.length; from += 10) {
        this.propose(device, from, 10);
        this.s.apply(this.proposed.pop() ?? { kind: "cursor", upTo: 0 });
      }
    }
    this.s.now += 3_600_000;
    do this.drain();
    while (this.close());
  }

  /** What C demands, by key: readings up to each origin's place, once even where an heir has them too. */
  expected(): Totals {
    const seen = new Set<Reading>();
    const totals: Totals = new Map();
    for (const { key, device, readings } of this.origins) {
      const counted = readings.slice(0, this.s.state.counted(key) ?? 0).filter((reading) => !seen.has(reading));
      for (const reading of counted) seen.add(reading);
      for (const part of fold(counted, this.s.state.definitions, deviceId(device)).parts) {
        const { aggregation, group, start } = part.key;
        addTo(totals, `${aggregation}/${group}/${start}`, part.fold);
      }
    }
    return totals;
  }

  /** The same as the cloud has it: last editions and supplements. */
  told(): Totals {
    const totals: Totals = new Map();
    for (const [key, value] of this.cloud) {
      if (value.count > 0) addTo(totals, key.replace("+", ""), value);
    }
    return totals;
  }
}

type Totals = Map<string, { count: number; sum: number }>;

function addTo(totals: Totals, key: string, { count, sum }: { count: number; sum: number }): void {
  const before = totals.get(key) ?? { count: 0, sum: 0 };
  totals.set(key, { count: before.count + count, sum: before.sum + sum });
}

const device = fc.constantFrom(...devices);
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("take" as const),
      device,
      age: fc.constantFrom(0, 0, 0, 70_000, 400_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("propose" as const),
      device,
      length: fc.integer({ min: 1, max: 5 }),
      back: fc.constantFrom(0, 0, 1),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("commit" as const), which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 50_000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("publish" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("window" as const), length: fc.constantFrom(30, 60, 120) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wipe" as const), device, isHeir: fc.boolean() }) },
);

describe("counting", () => {
  it("holds and publishes each counted reading once (random proposals repeated, stale and out of order, wiped and copied cards, windows that leave)", () => {
    let supplements = 0;
    let refusals = 0;
    let missing = 0;
    fc.assert(
      fc.property(fc.array(action, { minLength: 20, maxLength: 200, size: "max" }), (actions) => {
        const model = new Model();
        const { s } = model;
        for (const step of actions) {
          if (step.kind === "take") model.take(step.device, step.age);
          else if (step.kind === "propose") {
            const from = (s.state.counted(model.current(step.device).key) ?? 0) - step.back;
            model.propose(step.device, Math.max(0, from), step.length);
          } else if (step.kind === "commit") {
            // Not removed: the same entry may commit again later, as a retried or a dead coordinator's does.
            const command = model.proposed[step.which % Math.max(1, model.proposed.length)];
            if (command !== undefined && s.apply(command).outcome.kind === "refused") refusals += 1;
          } else if (step.kind === "pass") s.now += step.ms;
          else if (step.kind === "publish") {
            model.close();
            model.drain();
          } else if (step.kind === "window") {
            const all = { window: seconds(step.length), grace: seconds(15), groupBy: ["device"], where: {} };
            s.configure(configuration(devices, { aggregations: new Map([["all", all]]) }));
          } else model.wipe(step.device, step.isHeir);
        }
        model.heal();
        for (const name of devices) {
          const { key, readings } = model.current(name);
          expect(s.state.counted(key)).toBe(readings.length);
        }
        expect(model.told()).toEqual(model.expected());
        const told = [...model.cloud.values()].reduce((sum, value) => sum + value.missing, 0);
        expect(told).toBe(model.destroyed);
        missing += told;
        supplements += [...model.cloud.keys()].filter((key) => key.endsWith("+")).length;
        for (const window of s.state.allWindows()) {
          const { count, sum } = foldOf(window);
          const key = `${window.key.aggregation}/${window.key.group}/${window.key.start}`;
          expect(model.cloud.get(key)).toMatchObject({ edition: window.edition, count, sum });
        }
      }),
      { numRuns: 300 },
    );
    // The schedules are worth something only if they go where it is difficult.
    expect(supplements).toBeGreaterThan(20);
    expect(refusals).toBeGreaterThan(100);
    expect(missing).toBeGreaterThan(20);
  });

  it("is checked by something that notices one reading lost and another doubled", () => {
    const model = new Model();
    model.isFoldBroken = true;
    for (let number = 0; number < 4; number++) model.take("a", 0);
    model.heal();
    const [told] = [...model.told().values()];
    const [expected] = [...model.expected().values()];
    expect(told?.count).toBe(expected?.count);
    expect(told?.sum).not.toBe(expected?.sum);
  });
});
