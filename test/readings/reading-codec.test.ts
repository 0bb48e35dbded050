import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sensorId } from "../../src/base/ids.ts";
import { minutes, siteTime } from "../../src/base/units.ts";
import { fold } from "../../src/readings/fold.ts";
import { decodePayload, encodePayload, type StoredPayload } from "../../src/readings/reading-codec.ts";
import type { FrozenPartial } from "../../src/readings/types.ts";
import { aDevice, definitions, reading, version } from "./definitions.ts";

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
const marks = fc.record({ sendable: fc.nat(), revision: fc.nat() });
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
  fc.record({
    kind: fc.constant("readings" as const),
    first: fc.integer({ min: 1, max: 2 ** 50 }),
    unstampedIn: fc.option(fc.nat(), { nil: undefined }),
    readings: fc.array(timed, { maxLength: 3 }),
    marks,
  }),
  fc.record({ kind: fc.constant("sendable" as const), marks, last: fc.nat() }),
  fc.record({
    kind: fc.constant("carried" as const),
    first: fc.integer({ min: 1, max: 2 ** 50 }),
    readings: fc.array(timed, { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant("freeze" as const),
    payloads: fc.nat(),
    through: fc.nat(),
    marks,
    last: fc.nat(),
  }),
  fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 20 }).map((values) => ({
    kind: "frozen" as const,
    frozen: frozenOf(values),
  })),
);

function frozenOf(values: readonly number[]): FrozenPartial {
  const readings = values.map((value, i) => reading(i + 4, 70_000 + i, value + 0, "t", value < 0 ? 4 : 0));
  const defined = definitions(version(0, { window: 60_000, sensors: { t: "pi/ä/b" } }));
  const folded = fold(readings, defined, aDevice);
  const parts = folded.parts.map((part) => ({ ...part, end: siteTime(120_000) }));
  return { ...folded, parts, from: 3, to: 3 + Math.max(1, values.length), slot: minutes(5) };
}

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
  {
    kind: "readings",
    first: 2,
    unstampedIn: 7,
    readings: [{ sensor: sensorId("t"), time: 500, value: 0.5, quality: 0 }],
    marks: { sendable: 300, revision: 12 },
  },
  { kind: "sendable", marks: { sendable: 16_000, revision: 12 }, last: 20_000 },
  { kind: "carried", first: 41, readings: [{ sensor: sensorId("t"), time: 1_767_225_600_000, value: 1, quality: 8 }] },
  { kind: "frozen", frozen: frozenOf([20.5, 21, -3]) },
  { kind: "freeze", payloads: 2, through: 6, marks: { sendable: 3, revision: 12 }, last: 9 },
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
