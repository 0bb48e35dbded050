// Which changes of the configuration can give a reading another key: it must never miss one, and should not suspect a mere mark.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceId, sensorId } from "../../src/base/ids.ts";
import { milliseconds } from "../../src/base/units.ts";
import { type DeviceConfiguration, powers, type SiteConfiguration } from "../../src/site/configuration.ts";
import { defaultSettings } from "../../src/site/configuration-defaults.ts";
import { diffConfiguration } from "../../src/site/configuration-diff.ts";
import { definitionsOf, mayChangeDefinitions } from "../../src/site/configuration-groups.ts";

const labels = fc.dictionary(fc.constantFrom("floor", "row"), fc.constantFrom("a", "b"), { noNullPrototype: true });
const device = fc.constantFrom("pi-1", "pi-2").map(deviceId);
const level = fc.constantFrom("device", "quantity", "sensor", "zone", "label:floor", "label:row");

const sensor = fc.record({
  device,
  driver: fc.constant({ kind: "simulated", profile: "flat" } as const),
  quantity: fc.constantFrom("temperature", "humidity"),
  unit: fc.constantFrom("°C", "%"),
  interval: fc.constantFrom(1_000, 2_000).map(milliseconds),
  range: fc.constant(undefined),
  stuckAfter: fc.constant(undefined),
  labels,
});
const aggregation = fc.record({
  window: fc.constantFrom(10_000, 60_000).map(milliseconds),
  grace: fc.constantFrom(5_000, 9_000).map(milliseconds),
  groupBy: fc.uniqueArray(level, { minLength: 1, maxLength: 2 }),
  where: fc.dictionary(fc.constantFrom("zone", "device", "floor"), fc.constantFrom("a", "b", "pi-1"), {
    maxKeys: 1,
    noNullPrototype: true,
  }),
});
const zone = fc.constantFrom("a", "b", undefined);
const power = fc.constantFrom(...powers);
const configuration: fc.Arbitrary<SiteConfiguration> = fc.record({
  devices: fc
    .uniqueArray(fc.tuple(device, fc.record({ zone, power, labels })), { selector: ([id]) => id })
    .map((all) => new Map(all)),
  sensors: fc
    .uniqueArray(fc.tuple(fc.constantFrom("one", "two").map(sensorId), sensor), { selector: ([id]) => id })
    .map((all) => new Map(all)),
  aggregations: fc
    .uniqueArray(fc.tuple(fc.constantFrom("all", "rows"), aggregation), { selector: ([name]) => name })
    .map((all) => new Map(all)),
  settings: fc.constantFrom(defaultSettings, { ...defaultSettings, voters: 3 as const }),
});

const marked = (mark: string): SiteConfiguration => ({
  devices: new Map([[deviceId("pi-1"), { zone: "a", power: "mains", labels: { mark } }]]),
  sensors: new Map(),
  aggregations: new Map([
    ["all", { window: milliseconds(10_000), grace: milliseconds(5_000), groupBy: ["zone", "label:floor"], where: {} }],
  ]),
  settings: defaultSettings,
});

describe("changes of the configuration", () => {
  it("that cannot change the definitions leave them as they are", () => {
    let unaffected = 0;
    fc.assert(
      fc.property(
        configuration,
        device,
        fc.record({ zone, power, labels }),
        sensor,
        fc.boolean(),
        (before, id, other, own, isDevice) => {
          const after = isDevice
            ? { ...before, devices: new Map(before.devices).set(id, other) }
            : { ...before, sensors: new Map(before.sensors).set(sensorId("one"), own) };
          if (mayChangeDefinitions(after, diffConfiguration(before, after))) return;
          unaffected += 1;
          expect(definitionsOf(after)).toEqual(definitionsOf(before));
        },
      ),
      { numRuns: 5_000 },
    );
    expect(unaffected).toBeGreaterThan(200);
  });

  it("of a label by which nothing is grouped or chosen cannot change them, others can", () => {
    const [before, after] = [marked("old"), marked("new")];
    expect(mayChangeDefinitions(after, diffConfiguration(before, after))).toBe(false);
    const withDevice = (device: DeviceConfiguration): SiteConfiguration => ({
      ...before,
      devices: new Map([[deviceId("pi-1"), device]]),
    });
    const onBattery = withDevice({ zone: "a", power: "battery", labels: { mark: "old" } });
    expect(mayChangeDefinitions(onBattery, diffConfiguration(before, onBattery))).toBe(false);
    const zoned = withDevice({ zone: "b", power: "mains", labels: { mark: "old" } });
    expect(mayChangeDefinitions(zoned, diffConfiguration(before, zoned))).toBe(true);
    const floored = withDevice({ zone: "a", power: "mains", labels: { mark: "old", floor: "1" } });
    expect(mayChangeDefinitions(floored, diffConfiguration(before, floored))).toBe(true);
  });
});
