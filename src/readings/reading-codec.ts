// How readings lie in their log: about 7 bytes each where a value has few decimals, 13 where it is any double.
//
// Problem: a card wears out by bytes, and a reading as JSON takes 80. Idea: a payload is one flush: sensors by their place in a
// table of its own, times as differences, and a value as a decimal with as few digits as it has (21.53 → 2153, two places),
// or as a double where that would not give the same number back. Each payload can be read alone.
//
// version u8 | kind u8 | …, numbers as in varint.ts:
//   1 stamped, 2 unstamped:  first number, readings, [2: session], sensors, names…, then for each reading
//                            sensor, time − time before (ms), meta u8 = form << 4 | quality, value
//   3 stamps:                session, through, offset, guessed u8, last number, earliest stamp
// Form 0 of a value is a double; form f is a decimal with f − 1 places. A change of the format is a new version byte.

import { isSensorId, type SensorId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { ByteReader, ByteWriter } from "./varint.ts";

export const readingsFormat = 1;

/** As stored: `time` is a stamp, or milliseconds since the session began. */
export interface TimedReading {
  readonly sensor: SensorId;
  readonly time: number;
  readonly value: number;
  readonly quality: number;
}

export interface ReadingsPayload {
  readonly kind: "readings";
  /** Number of the first; the others follow without a hole. */
  readonly first: number;
  /** Undefined: the times are stamps. Else they are elapsed times of this session. */
  readonly unstampedIn: number | undefined;
  readonly readings: readonly TimedReading[];
}

/** Gives the unstamped readings of a session, up to `through`, their stamps: elapsed time + offset, not before `earliest`. */
export interface StampsPayload {
  readonly kind: "stamps";
  readonly session: number;
  readonly through: number;
  readonly offset: number;
  readonly isGuessed: boolean;
  /** The last number given when this was written. */
  readonly last: number;
  /** The newest stamp given before them: stamps of one device never decrease. */
  readonly earliest: number;
}

export type StoredPayload = ReadingsPayload | StampsPayload;

const kinds = { stamped: 1, unstamped: 2, stamps: 3 } as const;
const decimalPlacesMax = 4;
const qualityMask = 0x0f;
const scales = [1, 10, 100, 1000, 10_000] as const;
/** Beyond it a decimal takes as many bytes as a double. */
const decimalMax = 2 ** 48;

export function encodePayload(payload: StoredPayload): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(readingsFormat);
  if (payload.kind === "stamps") {
    writer.byte(kinds.stamps);
    writer.count(payload.session);
    writer.count(payload.through);
    writer.integer(payload.offset);
    writer.byte(payload.isGuessed ? 1 : 0);
    writer.count(payload.last);
    writer.count(payload.earliest);
    return writer.finish();
  }
  writer.byte(payload.unstampedIn === undefined ? kinds.stamped : kinds.unstamped);
  writer.count(payload.first);
  writer.count(payload.readings.length);
  if (payload.unstampedIn !== undefined) writer.count(payload.unstampedIn);
  const places = new Map<SensorId, number>();
  for (const { sensor } of payload.readings) if (!places.has(sensor)) places.set(sensor, places.size);
  writer.count(places.size);
  for (const sensor of places.keys()) writer.text(sensor);
  let before = 0;
  for (const { sensor, time, value, quality } of payload.readings) {
    writer.count(places.get(sensor) ?? 0);
    writer.integer(time - before);
    before = time;
    writeValue(writer, value, quality);
  }
  return writer.finish();
}

/** Undefined for what `encodePayload` of this version does not write. */
export function decodePayload(bytes: Uint8Array): StoredPayload | undefined {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== readingsFormat) return undefined;
  const kind = reader.byte();
  const payload =
    kind === kinds.stamps
      ? readStamps(reader)
      : kind === kinds.stamped || kind === kinds.unstamped
        ? readReadings(reader, kind === kinds.unstamped)
        : undefined;
  return reader.isComplete ? payload : undefined;
}

function readStamps(reader: ByteReader): StampsPayload {
  return {
    kind: "stamps",
    session: reader.count(),
    through: reader.count(),
    offset: reader.integer(),
    isGuessed: reader.byte() === 1,
    last: reader.count(),
    earliest: reader.count(),
  };
}

function readReadings(reader: ByteReader, isUnstamped: boolean): ReadingsPayload | undefined {
  const first = reader.count();
  const count = reader.count();
  const unstampedIn = isUnstamped ? reader.count() : undefined;
  const sensorCount = reader.count();
  if (count > limits.pendingReadings || sensorCount > count) return undefined;
  const sensors: SensorId[] = [];
  for (let place = 0; place < sensorCount; place++) {
    const name = reader.text(64);
    if (!isSensorId(name)) return undefined;
    sensors.push(name);
  }
  const readings: TimedReading[] = [];
  let time = 0;
  for (let place = 0; place < count && !reader.hasFailed; place++) {
    const sensor = sensors[reader.count()];
    time += reader.integer();
    const meta = reader.byte();
    const form = meta >> 4;
    if (sensor === undefined || form > decimalPlacesMax + 1) return undefined;
    const value = form === 0 ? reader.double() : reader.integer() / (scales[form - 1] ?? 1);
    readings.push({ sensor, time, value, quality: meta & qualityMask });
  }
  return { kind: "readings", first, unstampedIn, readings };
}

function writeValue(writer: ByteWriter, value: number, quality: number): void {
  for (const [places, scale] of scales.entries()) {
    const decimal = Math.round(value * scale);
    if (Math.abs(decimal) < decimalMax && decimal / scale === value) {
      writer.byte(((places + 1) << 4) | quality);
      writer.integer(decimal);
      return;
    }
  }
  writer.byte(quality);
  writer.double(value);
}
