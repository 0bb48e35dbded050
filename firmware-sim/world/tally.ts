// What many seeds came to: faults by kind, rare situations, speed, and the holes: what was never reached.

import { faultKinds } from "./fault-kinds.ts";
import type { WorldReport } from "./run-world.ts";
import { situationNames } from "./situations.ts";

export class Tally {
  readonly #faults = new Map<string, number>();
  readonly #situations = new Map<string, number>();
  readonly #seedsOfSituation = new Map<string, number>();
  readonly #coordinatorChanges: number[] = [];
  readonly #faultCounts: number[] = [];
  #seeds = 0;
  #failed = 0;
  #span = 0;
  #events = 0;
  #proposals = 0;
  #readings = 0;

  add(report: WorldReport): void {
    this.#seeds += 1;
    if (report.violation !== undefined) this.#failed += 1;
    this.#span += report.span;
    this.#events += report.events;
    this.#proposals += report.proposals;
    this.#readings += report.readings;
    let faults = 0;
    for (const [kind, count] of report.faults) {
      faults += count;
      this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count);
    }
    this.#faultCounts.push(faults);
    for (const [situation, count] of report.situations) {
      if (count <= 0) continue;
      this.#situations.set(situation, (this.#situations.get(situation) ?? 0) + count);
      this.#seedsOfSituation.set(situation, (this.#seedsOfSituation.get(situation) ?? 0) + 1);
    }
    this.#coordinatorChanges.push(report.situations.get("coordinator changed") ?? 0);
  }

  /** What no seed has reached: a hole in what the faults of these seeds try out. */
  get unreachedSituations(): readonly string[] {
    return situationNames.filter((name) => !this.#situations.has(name));
  }

  get seeds(): number {
    return this.#seeds;
  }

  /** Of virtual time, in hours. */
  get hours(): number {
    return this.#span / 3_600_000;
  }

  /** One line; `wall` in seconds. */
  progress(wall: number): string {
    const rate = (this.#seeds / wall).toFixed(2);
    const hours = (this.hours / wall).toFixed(3);
    return `${this.#seeds} seeds, ${this.#failed} failed; ${rate} seeds/s, ${hours} virtual hours a second`;
  }

  /** The table at the end, as lines. */
  table(wall: number): readonly string[] {
    const lines = [
      this.progress(wall),
      `${this.hours.toFixed(1)} virtual hours in ${wall.toFixed(0)} s; ${this.#events} events, ${this.#readings} readings, ${this.#proposals} proposals`,
      `median: ${median(this.#coordinatorChanges)} changes of coordinator, ${median(this.#faultCounts)} faults in a seed`,
      "",
      "faults injected",
      ...faultKinds.map(({ name, what }) => row(name, this.#faults.get(name) ?? 0, what)),
      "",
      "situations reached (times, in so many seeds)",
      ...situationNames.map((name) =>
        row(name, this.#situations.get(name) ?? 0, `${this.#seedsOfSituation.get(name) ?? 0} seeds`),
      ),
    ];
    const holes = [
      ...faultKinds.map(({ name }) => name).filter((name) => !this.#faults.has(name)),
      ...this.unreachedSituations,
    ];
    return holes.length === 0 ? lines : [...lines, "", `never reached: ${holes.join(", ")}`];
  }
}

const row = (name: string, count: number, note: string): string =>
  `  ${name.padEnd(46)} ${String(count).padStart(9)}  ${note}`;

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
