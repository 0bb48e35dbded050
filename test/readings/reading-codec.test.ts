import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sensorId } from "../../src/base/ids.ts";
import { decodePayload, encodePayload, type StoredPayload } from "../../src/readings/reading-codec.ts";

const sensor = fc.constantFrom("t", "greenhouse-2.humidity", "a").map(sensorId);
const timed = fc.record({
  sensor,
  time: fc.integer({ min: -1_000_000, max: 4_000_000_000_000 }),
  value: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0),
    fc.integer({ min: -99999, max: 99999 }).map((each) => each / 100),
  ),
  quality: fc.nat(15),
});
const anyPayload: fc.Arbitrary<StoredPayload> = fc.oneof(
  fc.record({
    kind: fc.constant("readings" as const),
    first: fc.integer({ min: 1, max: 2 ** 50 }),
    unstampedIn: fc.option(fc.nat(), { nil: undefined }),
    readings: fc.array(timed, { maxLength: 30 }),
  }),
  fc.record({
    kind: fc.constant("stamps" as const),
    session: fc.nat(),
    through: fc.nat(),
    offset: fc.integer({ min: -4e12, max: 4e12 }),
    isGuessed: fc.boolean(),
    last: fc.nat(),
    earliest: fc.nat(),
  }),
);

const golden: StoredPayload[] = [
  {
    kind: "readings",
    first: 41,
    unstampedIn: undefined,
    readings: [
      { sensor: sensorId("kitchen"), time: 1_767_225_600_000, value: 21.53, quality: 0 },
      { sensor: sensorId("cellar.humidity"), time: 1_767_225_600_125, value: 60, quality: 2 },
      { sensor: sensorId("kitchen"), time: 1_767_225_601_000, value: -0.1 / 3, quality: 1 },
      { sensor: sensorId("kitchen"), time: 1_767_225_602_000, value: 0, quality: 4 },
    ],
  },
  {
    kind: "readings",
    first: 1,
    unstampedIn: 7,
    readings: [{ sensor: sensorId("t"), time: 250, value: -4.5, quality: 0 }],
  },
  {
    kind: "stamps",
    session: 7,
    through: 1,
    offset: 1_767_225_600_000,
    isGuessed: true,
    last: 1,
    earliest: 1_767_225_600_000,
  },
];

describe("the bytes of stored readings", () => {
  it("come back exactly (fast-check)", () => {
    fc.assert(
      fc.property(anyPayload, (payload) => {
        expect(decodePayload(encodePayload(payload))).toEqual(payload);
      }),
    );
  });

  it("are those of the golden fixture, and read from it", () => {
    const fixture = readFileSync(new URL("../fixtures/readings-v1.hex", import.meta.url), "utf8")
      .trim()
      .split("\n");
    expect(golden.map((payload) => Buffer.from(encodePayload(payload)).toString("hex"))).toEqual(fixture);
    expect(fixture.map((line) => decodePayload(Buffer.from(line, "hex")))).toEqual(golden);
  });

  it("are about 7 a reading for decimals, 13 for doubles, sensor names included (4 sensors, 10 s at 1 Hz)", () => {
    const size = (valueAt: (i: number) => number): number => {
      const readings = Array.from({ length: 40 }, (_, i) => ({
        sensor: sensorId(`sensor-${i % 4}`),
        time: 1_767_225_600_000 + i * 250,
        value: valueAt(i),
        quality: 0,
      }));
      return (
        encodePayload({ kind: "readings", first: 100_000, unstampedIn: undefined, readings }).length / readings.length
      );
    };
    expect(size((i) => Math.round(2000 + i) / 100)).toBeLessThan(7.5);
    expect(size((i) => 20 + Math.sin(i))).toBeLessThan(13.5);
  });

  it("of another version, cut short, too long or garbled are refused and never throw", () => {
    const bytes = encodePayload(golden[0] as StoredPayload);
    expect(decodePayload(Uint8Array.of(2, ...bytes.subarray(1)))).toBeUndefined();
    for (let length = 0; length < bytes.length; length++) {
      expect(decodePayload(bytes.subarray(0, length))).toBeUndefined();
    }
    expect(decodePayload(Uint8Array.of(...bytes, 0))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (tail) => void decodePayload(Uint8Array.of(1, 1, ...tail))),
    );
  });
});
