// Whether the site counted what this device has: the check of each committed move of its own origin is compared with its own
// readings (PROTOCOLS, Counting, "two copies run at once"). A card that was copied and runs twice sends two different readings
// under one number, and the site cannot know which is real; the device that sees another check than its own can.

import type { SkeinError } from "../base/errors.ts";
import { type MemberKey, memberOf } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { logIndex } from "../base/units.ts";
import { fold } from "./fold.ts";
import type { ReadingStore } from "./reading-store.ts";
import type { CountMove, Definitions, Partial, Reading } from "./types.ts";

export interface MoveAuditPorts {
  readonly store: Pick<ReadingStore, "taken" | "first" | "frozen" | "read">;
}

export interface MoveAuditOptions {
  readonly origin: MemberKey;
  readonly twoCopies: (move: CountMove) => void;
  readonly failed: (failure: SkeinError) => void;
}

const noDefinitions: Definitions = { revision: logIndex(0), versions: [] };

export class MoveAudit {
  readonly #ports: MoveAuditPorts;
  readonly #options: MoveAuditOptions;
  /** The newest partials sent: most moves are one of them, and need not be read again. */
  readonly #sent: Partial[] = [];
  #reading = 0;
  #hasFailed = false;

  constructor(ports: MoveAuditPorts, options: MoveAuditOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** Two copies run. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Readings are being compared: they must not be released. */
  get isReading(): boolean {
    return this.#reading > 0;
  }

  sent(partial: Partial): void {
    this.#sent.push(partial);
    if (this.#sent.length > 2 * limits.partialsOutstanding) this.#sent.shift();
  }

  moved(move: CountMove): void {
    const { origin } = this.#options;
    const { store } = this.#ports;
    // Of another device; of the time before a restart; or more of them than there is any sense in comparing.
    if (move.origin !== origin || move.from + 1 < store.first || this.#reading >= limits.partialsOutstanding) return;
    const frozen = store.frozen.overlapping(move.from, move.to);
    const own = frozen ?? this.#sent.find(({ from, to }) => from === move.from && to === move.to);
    // Of a frozen one nobody can count a part.
    if (frozen !== undefined && (frozen.from !== move.from || frozen.to !== move.to)) this.#differs(move);
    else if (own !== undefined) this.#compare(move, own.check);
    else if (move.to > store.taken) this.#differs(move);
    else {
      this.#reading += 1;
      this.#read(move, []);
    }
  }

  #read(move: CountMove, before: readonly Reading[]): void {
    const from = before.at(-1)?.number ?? move.from;
    this.#ports.store.read(from, move.to - from, (failure, found) => {
      const more = found.filter(({ number }) => number <= move.to);
      const readings = [...before, ...more];
      if (failure === undefined && more.length > 0 && (readings.at(-1)?.number ?? 0) < move.to) {
        this.#read(move, readings);
        return;
      }
      this.#reading -= 1;
      // Where some left the card while they were read (a store that freezes releases all that is counted), nothing can be said.
      const isWhole = readings.length === move.to - move.from;
      if (failure !== undefined) this.#options.failed(failure);
      else if (isWhole) this.#compare(move, checkOf(readings, this.#options.origin));
    });
  }

  #compare(move: CountMove, check: number): void {
    if (check !== move.check) this.#differs(move);
  }

  #differs(move: CountMove): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#options.twoCopies(move);
  }
}

function checkOf(readings: readonly Reading[], origin: MemberKey): number {
  return fold(readings, noDefinitions, memberOf(origin).device).check;
}
