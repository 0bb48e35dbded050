// When a readings log is so full that its oldest uncounted readings are frozen, and what may be: the rules of docs/decisions/0008.
//
// What was ever sent may be counted at any time, so it is never frozen; a mark on the card (`sendable`) says how far that is. Payloads
// of readings carry it and say beforehand what a sender may send that sees nothing counted, so keeping up costs no write.

import type { SkeinError } from "../base/errors.ts";
import type { DeviceId } from "../base/ids.ts";
import type { LogFile } from "../base/ports/log-file.ts";
import type { Duration, SiteTime } from "../base/units.ts";
import { Freezer, type Frozen } from "./freezer.ts";
import type { Marks, StoredPayload, TimedReading } from "./reading-codec.ts";
import type { ReadingLog } from "./reading-log.ts";
import { leadOf, type ReadingsSizes } from "./readings-sizes.ts";
import type { Definitions, Reading } from "./types.ts";

/** What the store must know of the site to freeze. */
export interface FreezingPorts {
  readonly device: DeviceId;
  /** Of the own origin in the own applied state; undefined: not a member there (yet). */
  counted(): number | undefined;
  /** Of the own applied state. */
  definitions(): Definitions;
}

export interface FrozenStatus {
  /** Readings that are frozen and not counted yet. */
  readonly readings: number;
  readonly partials: number;
  /** The earliest start and the latest end of their windows. */
  readonly since: SiteTime;
  readonly until: SiteTime;
  /** The longest of them. */
  readonly span: Duration;
}

/** Readings of one payload that are carried on: it stays far below a segment. */
const carriedReadings = 500;

export class Freezing {
  readonly #readings: ReadingLog;
  readonly #log: LogFile;
  readonly #ports: FreezingPorts;
  readonly #sizes: ReadingsSizes;
  #freezer: Freezer | undefined;
  /** Nothing could be frozen when this was the last number taken; `again` forgets it. */
  #fruitlessAt = -1;
  /** To be written, or being written. */
  #due: { readonly frozen: Frozen; readonly settled: number } | undefined;

  constructor(readings: ReadingLog, log: LogFile, ports: FreezingPorts, sizes: ReadingsSizes) {
    this.#readings = readings;
    this.#log = log;
    this.#ports = ports;
    this.#sizes = sizes;
  }

  /** Nothing may become sendable meanwhile. */
  get isBusy(): boolean {
    return this.#freezer !== undefined || this.#due !== undefined;
  }

  /** Whether readings may still be written: the rest is kept for what makes room. */
  get hasRoom(): boolean {
    const { segmentBytes, logBytes, reserveBytes } = this.#sizes;
    return this.#log.usage().segments * segmentBytes + reserveBytes <= logBytes;
  }

  /** It is written, or will not be. */
  stop(): void {
    this.#freezer?.stop();
    this.#freezer = undefined;
    this.#due = undefined;
  }

  /** Of a payload that ends with number `last`, so that sending `wanted` is no news. */
  marksFor(last: number, wanted = 0): Marks {
    const { sendable, revision } = this.#readings.marks;
    const counted = this.#ports.counted();
    const newest = Math.max(revision, this.#ports.definitions().revision);
    if (this.isBusy) return { sendable, revision: newest };
    // Nothing is said beforehand, but who asked must not ask for ever.
    if (counted === undefined) return { sendable: Math.max(sendable, wanted), revision: newest };
    const lead = Math.min(last, counted + leadOf(this.#sizes));
    const end = this.#readings.frozen.from(Math.max(sendable, wanted, counted))?.from ?? lead;
    return { sendable: Math.max(sendable, wanted, Math.min(lead, end)), revision: newest };
  }

  /** A full store takes nothing more, so what kept it from freezing may be over though no number was taken since. */
  again(): void {
    this.#fruitlessAt = -1;
  }

  /** Begins to freeze where it is time to; `done` once something is to be written, or why not. */
  consider(read: ConstructorParameters<typeof Freezer>[2], done: (failure: SkeinError | undefined) => void): void {
    const { segmentBytes, freezeBytes } = this.#sizes;
    const { taken, first, ready, marks, frozen } = this.#readings;
    const counted = this.#ports.counted();
    if (this.isBusy || this.#fruitlessAt === taken || counted === undefined || counted + 1 < first) return;
    if (this.#log.usage().segments * segmentBytes < freezeBytes) return;
    this.#readings.releaseOldest(this.#log, counted, 1);
    this.#fruitlessAt = taken;
    const definitions = this.#ports.definitions();
    const settled = Math.max(marks.sendable, counted);
    const start = Math.max(settled, frozen.all.at(-1)?.to ?? 0);
    const through = this.#readings.middleAfter(start);
    if (through === undefined || through > ready || definitions.revision < marks.revision) return;
    const plan = { settled, start, through, before: frozen.all, definitions, device: this.#ports.device };
    this.#freezer = new Freezer(plan, this.#sizes, read, (failure, result) => {
      this.#freezer = undefined;
      if (result !== undefined) this.#due = { frozen: result, settled };
      done(failure);
    });
    this.#freezer.begin(counted);
  }

  /** What is to be written, until `stop`; undefined: nothing (any more). */
  take(): Frozen | undefined {
    const counted = this.#ports.counted();
    if (counted === undefined || counted > (this.#due?.settled ?? 0)) this.#due = undefined;
    return this.#due?.frozen;
  }

  /** In this order, and nothing between them. */
  payloadsOf({ all, carried, through, revision }: Frozen): readonly StoredPayload[] {
    const before: StoredPayload[] = [];
    for (const run of runsOf(carried)) before.push({ kind: "carried", first: run.first, readings: run.readings });
    for (const frozen of all) before.push({ kind: "frozen", frozen });
    const { taken: last } = this.#readings;
    const marks = { ...this.#readings.marks, revision };
    return [...before, { kind: "freeze", payloads: before.length, through, marks, last }];
  }

  /** Undefined: nothing is frozen. */
  status(): FrozenStatus | undefined {
    const { all } = this.#readings.frozen;
    const parts = all.flatMap((frozen) => frozen.parts);
    const [first, ...others] = parts;
    if (first === undefined) return undefined;
    const least = { since: first.key.start, until: first.end, span: first.end - first.key.start };
    const whole = others.reduce(
      ({ since, until, span }, { key, end }) => ({
        since: key.start < since ? key.start : since,
        until: end > until ? end : until,
        span: Math.max(span, end - key.start),
      }),
      least,
    );
    const readings = all.reduce((sum, { from, to }) => sum + to - from, 0);
    return { ...whole, span: whole.span as Duration, readings, partials: all.length };
  }
}

/** Without a hole in any, and none too long. */
function runsOf(readings: readonly Reading[]): { first: number; readings: TimedReading[] }[] {
  const runs: { first: number; readings: TimedReading[] }[] = [];
  for (const { number, sensor, stamp, value, quality } of readings) {
    let run = runs.at(-1);
    if (run === undefined || run.first + run.readings.length !== number || run.readings.length >= carriedReadings) {
      run = { first: number, readings: [] };
      runs.push(run);
    }
    run.readings.push({ sensor, time: stamp, value, quality });
  }
  return runs;
}
