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
//   4 stamped, 5 unstamped:  sendable, revision, then as 1 and 2
//   6 sendable:              sendable, revision, last number
//   7 carried:               as 1
//   8 frozen:                frozen-codec.ts
//   9 freeze:                payloads before it, through, sendable, revision, last number
// Form 0 of a value is a double; form f is a decimal with f − 1 places. A change of the format is a new version byte.

import { isSensorId, type SensorId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { readFrozen, writeFrozen } from "./frozen-codec.ts";
import type { FrozenPartial } from "./types.ts";
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
  /** Absent in what was written before there were any. */
  readonly marks?: Marks;
}

/** What freezing must know after a power cut (docs/decisions/0008); of several, the largest holds. */
export interface Marks {
  /** Nothing that ends behind this number was ever sent. */
  readonly sendable: number;
  /** Newest definitions that the device knew. */
  readonly revision: number;
}

/** Sending may go further. */
export interface SendablePayload {
  readonly kind: "sendable";
  readonly marks: Marks;
  /** The last number given when this was written. */
  readonly last: number;
}

/** Readings with stamps, written once more because what lies around them goes. Counts only with the `freeze` behind it. */
export interface CarriedPayload {
  readonly kind: "carried";
  readonly first: number;
  readonly readings: readonly TimedReading[];
}

/** Counts only with the `freeze` behind it. */
export interface FrozenPayload {
  readonly kind: "frozen";
  readonly frozen: FrozenPartial;
}

/** From here on the payloads right before it are all that there is of numbers up to `through`. */
export interface FreezePayload {
  readonly kind: "freeze";
  readonly payloads: number;
  readonly through: number;
  readonly marks: Marks;
  /** The last number given when this was written. */
  readonly last: number;
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

export type StoredPayload =
  | ReadingsPayload
  | StampsPayload
  | SendablePayload
  | CarriedPayload
  | FrozenPayload
  | FreezePayload;

const kinds = {
  stamped: 1,
  unstamped: 2,
  stamps: 3,
  stampedMarked: 4,
  unstampedMarked: 5,
  sendable: 6,
  carried: 7,
  frozen: 8,
  freeze: 9,
} as const;
const decimalPlacesMax = 4;
const qualityMask = 0x0f;
const scales = [1, 10, 100, 1000, 10_000] as const;
/** Beyond it a decimal takes as many bytes as a double. */
const decimalMax = 2 ** 48;

export function encodePayload(payload: StoredPayload): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(readingsFormat);
  writer.byte(kindOf(payload));
  switch (payload.kind) {
    case "stamps":
      writer.count(payload.session);
      writer.count(payload.through);
      writer.integer(payload.offset);
      writer.byte(payload.isGuessed ? 1 : 0);
      writer.count(payload.last);
      writer.count(payload.earliest);
      break;
    case "readings":
      if (payload.marks !== undefined) writeMarks(writer, payload.marks);
      writeReadings(writer, payload);
      break;
    case "sendable":
      writeMarks(writer, payload.marks);
      writer.count(payload.last);
      break;
    case "carried":
      writeReadings(writer, { ...payload, unstampedIn: undefined });
      break;
    case "frozen":
      writeFrozen(writer, payload.frozen);
      break;
    case "freeze":
      writer.count(payload.payloads);
      writer.count(payload.through);
      writeMarks(writer, payload.marks);
      writer.count(payload.last);
      break;
  }
  return writer.finish();
}

/** Undefined for what `encodePayload` of this version does not write. */
export function decodePayload(bytes: Uint8Array): StoredPayload | undefined {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== readingsFormat) return undefined;
  const payload = readPayload(reader.byte(), reader);
  return reader.isComplete ? payload : undefined;
}

function kindOf(payload: StoredPayload): number {
  if (payload.kind !== "readings") return kinds[payload.kind];
  const isStamped = payload.unstampedIn === undefined;
  if (payload.marks === undefined) return isStamped ? kinds.stamped : kinds.unstamped;
  return isStamped ? kinds.stampedMarked : kinds.unstampedMarked;
}

function readPayload(kind: number, reader: ByteReader): StoredPayload | undefined {
  switch (kind) {
    case kinds.stamped:
    case kinds.unstamped:
      return readReadings(reader, kind === kinds.unstamped);
    case kinds.stampedMarked:
    case kinds.unstampedMarked: {
      const marks = readMarks(reader);
      const payload = readReadings(reader, kind === kinds.unstampedMarked);
      return payload && { ...payload, marks };
    }
    case kinds.stamps:
      return readStamps(reader);
    case kinds.sendable:
      return { kind: "sendable", marks: readMarks(reader), last: reader.count() };
    case kinds.carried: {
      const payload = readReadings(reader, false);
      return payload && { kind: "carried", first: payload.first, readings: payload.readings };
    }
    case kinds.frozen: {
      const frozen = readFrozen(reader);
      return frozen && { kind: "frozen", frozen };
    }
    case kinds.freeze: {
      const [payloads, through] = [reader.count(), reader.count()];
      return { kind: "freeze", payloads, through, marks: readMarks(reader), last: reader.count() };
    }
    default:
      return undefined;
  }
}

function writeMarks(writer: ByteWriter, { sendable, revision }: Marks): void {
  writer.count(sendable);
  writer.count(revision);
}

const readMarks = (reader: ByteReader): Marks => ({ sendable: reader.count(), revision: reader.count() });

function writeReadings(writer: ByteWriter, { first, unstampedIn, readings }: Omit<ReadingsPayload, "kind">): void {
  writer.count(first);
  writer.count(readings.length);
  if (unstampedIn !== undefined) writer.count(unstampedIn);
  const places = new Map<SensorId, number>();
  for (const { sensor } of readings) if (!places.has(sensor)) places.set(sensor, places.size);
  writer.count(places.size);
  for (const sensor of places.keys()) writer.text(sensor);
  let before = 0;
  for (const { sensor, time, value, quality } of readings) {
    writer.count(places.get(sensor) ?? 0);
    writer.integer(time - before);
    before = time;
    writeValue(writer, value, quality);
  }
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
