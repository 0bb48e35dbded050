// When a changed definition takes effect: no counted reading ever changes its key (PROTOCOLS, entry `define`).

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceId, sensorId } from "../../src/base/ids.ts";
import { minutes, seconds, siteTime } from "../../src/base/units.ts";
import { definitionAt } from "../../src/readings/fold.ts";
import type { AggregationConfiguration, SiteConfiguration } from "../../src/site/configuration.ts";
import { configuration, epoch, part, type Site, Site as SiteWithout, sensor, site } from "./site-fixture.ts";

const all = (more: Partial<AggregationConfiguration> = {}): ReadonlyMap<string, AggregationConfiguration> =>
  new Map([["all", { window: seconds(60), grace: seconds(15), groupBy: ["quantity"], where: {}, ...more }]]);
const starts = (s: Site): number[] => s.state.definitions.versions.map(({ from }) => (from === 0 ? 0 : from - epoch));

/** Counted readings up to 5 s after the epoch, and 20 s gone by. */
function counted(): Site {
  const s = site("a", "b");
  s.count("a", 0, [20], { at: epoch + 5_000 - 5_000 });
  s.count("a", 1, [20], { at: epoch });
  s.now = epoch + 20_000;
  return s;
}

describe("definitions", () => {
  it("reach back for ever at first, in however many entries they come (devices, then sensors)", () => {
    const s = new SiteWithout().found();
    const whole = configuration(["a", "b"]);
    for (const sensors of [new Map(), new Map([...whole.sensors].slice(0, 1)), whole.sensors]) {
      s.now += 10_000;
      s.configure({ ...whole, sensors });
    }
    expect(starts(s)).toEqual([0]);
    expect(s.state.definitions.versions[0]?.aggregations[0]?.sensors.size).toBe(2);
    expect(s.state.definitions.revision).toBe(s.state.revision);
  });

  it("keep their revision when nothing changes that decides a key (range, unit, settings, grace, an unused label)", () => {
    const s = site("a");
    const { revision } = s.state.definitions;
    const base = configuration(["a"]);
    const changed: Partial<SiteConfiguration>[] = [
      {
        sensors: new Map([
          [sensorId("a-t"), sensor("a", { unit: "K", range: { min: 0, max: 1 }, labels: { x: "y" } })],
        ]),
      },
      { settings: { ...base.settings, voters: 3 } },
      { aggregations: all({ grace: seconds(30) }) },
      { devices: new Map([...base.devices, [deviceId("z"), { zone: "north", power: "mains", labels: {} }]]) },
    ];
    for (const more of changed) {
      expect(s.configure({ ...base, ...more }).outcome.kind).toBe("done");
      expect(s.state.definitions.revision).toBe(revision);
    }
    s.configure({ ...base, aggregations: all({ grace: seconds(30) }) });
    expect(s.state.definitions.versions.at(-1)?.aggregations[0]?.grace).toBe(30_000);
  });

  it("that only add reach back to the first stamp that is not counted (a sensor more)", () => {
    const s = counted();
    s.configure(configuration(["a", "b", "c"]));
    expect(starts(s)).toEqual([0, 1]);
  });

  it("that take something away begin now, and are as before when it comes back uncounted (a sensor less)", () => {
    const s = counted();
    s.configure(configuration(["a"]));
    expect(starts(s)).toEqual([0, 20_000]);
    s.now += 10_000;
    s.configure(configuration(["a", "b"]));
    expect(starts(s)).toEqual([0]);
  });

  it("begin after every stamp that is counted, also where a device's clock is ahead", () => {
    const s = site("a", "b");
    s.count("a", 0, [20], { at: s.now + 1_500, parts: [part(epoch, [20])] });
    s.configure(configuration(["a"]));
    expect(starts(s)).toEqual([0, 1_501]);
  });

  it("with windows of another length begin where such a window begins; open windows end there (1 min → 5 min)", () => {
    const s = counted();
    s.now = epoch + 70_000;
    s.count("a", 2, [1], { at: s.now });
    s.configure(configuration(["a", "b"], { aggregations: all({ window: minutes(5) }) }));
    expect(starts(s)).toEqual([0, 300_000]);
    s.now = epoch + 80_000;
    s.configure(configuration(["a", "b"], { aggregations: all({ window: seconds(30) }) }));
    expect(starts(s)).toEqual([0, 90_000]);
    const ends = [...s.state.allWindows()].map(({ key, end }) => [key.start - epoch, end - epoch]);
    expect(ends).toEqual([
      [0, 60_000],
      [60_000, 90_000],
    ]);
  });

  it("with several new lengths begin at a common start of all (10 min and 15 min)", () => {
    const s = counted();
    const two = (x: number, y: number) =>
      new Map([...all({ window: minutes(x) }), ["rows", { ...all({ window: minutes(y) }).get("all") }]]);
    s.configure(configuration(["a", "b"], { aggregations: two(1, 1) as SiteConfiguration["aggregations"] }));
    s.configure(configuration(["a", "b"], { aggregations: two(10, 15) as SiteConfiguration["aggregations"] }));
    expect(starts(s).at(-1)).toBe(minutes(30));
  });

  it("never change the key of a counted reading (random changes between counts)", () => {
    const step = fc.record({
      gap: fc.integer({ min: 0, max: 90_000 }),
      late: fc.integer({ min: 0, max: 100_000 }),
      sensors: fc.subarray(["a", "b", "c"]),
      window: fc.constantFrom(10, 30, 60, 300),
      groupBy: fc.constantFrom("quantity", "device"),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
        const s = site("a", "b", "c");
        const taken: { stamp: number; sensor: string; key: string }[] = [];
        const keyOf = (stamp: number, id: string): string => {
          const version = definitionAt(s.state.definitions, siteTime(stamp));
          const aggregation = version?.aggregations[0];
          const place = aggregation?.sensors.get(sensorId(`${id}-t`));
          return place === undefined ? "none" : `${place.group} ${aggregation?.window} ${version?.from}`;
        };
        for (const [number, { gap, late, sensors, window, groupBy }] of steps.entries()) {
          s.now += gap;
          const stamp = Math.max(epoch, s.now - late);
          for (const id of ["a", "b", "c"]) {
            s.count(id, number, [1], { at: stamp, parts: [] });
            taken.push({ stamp, sensor: id, key: keyOf(stamp, id).replace(/ \d+$/, "") });
          }
          const more = { aggregations: all({ window: seconds(window), groupBy: [groupBy] }) };
          expect(s.configure(configuration(sensors, more)).outcome.kind).not.toBe("malformed");
          for (const { stamp: at, sensor: id, key } of taken) expect(keyOf(at, id).replace(/ \d+$/, "")).toBe(key);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("are bounded: of a thousand changes, the newest versions are kept (4 sensors)", () => {
    const s = site("a", "b", "c", "d");
    for (let change = 0; change < 1_000; change++) {
      s.now += 100;
      s.configure(configuration(change % 2 === 0 ? ["a", "b", "c"] : ["a", "b", "d"]));
    }
    expect(s.state.definitions.versions).toHaveLength(256);
    expect(s.state.definitions.versions.at(-1)?.from).toBe(s.now);
    expect(s.state.revisions).toHaveLength(1_001);
  });
});
