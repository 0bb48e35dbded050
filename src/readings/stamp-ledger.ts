// Which stored readings still wait for their stamps, and where the others got theirs (PROTOCOLS, Counting, device rule 2).
//
// Problem: a device samples before it knows the site's time, and a reading's stamp, once given, may never change. Idea: such
// readings lie in the log with the time since their session began; one record gives the offset for all of a session's up to a
// number; from the moment it is synced the stamps are fixed.

import { type SiteTime, siteTime } from "../base/units.ts";
import type { StampsPayload } from "./reading-codec.ts";
import { quality } from "./types.ts";

/** Consecutive numbers without stamps, all of one session. */
interface UnstampedRun {
  readonly session: number;
  readonly first: number;
  readonly last: number;
  /** Milliseconds since the session began, of the first and the last. */
  readonly firstElapsed: number;
  readonly lastElapsed: number;
}

export class StampLedger {
  #runs: UnstampedRun[] = [];
  /** In the order of writing, so `through` ascends within a session. */
  #given: StampsPayload[] = [];

  /** The first number without a stamp; undefined: all have theirs. */
  get firstUnstamped(): number | undefined {
    return this.#runs[0]?.first;
  }

  get unstamped(): number {
    return this.#runs.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  stored(run: UnstampedRun): void {
    const before = this.#runs.at(-1);
    if (before?.session === run.session && before.last + 1 === run.first) {
      this.#runs[this.#runs.length - 1] = { ...before, last: run.last, lastElapsed: run.lastElapsed };
    } else {
      this.#runs.push(run);
    }
  }

  /** A record is synced. Answers the newest stamp that it gave; undefined: it gave none. */
  given(stamps: StampsPayload): SiteTime | undefined {
    this.#given.push(stamps);
    const isGiven = ({ session, last }: UnstampedRun): boolean => session === stamps.session && last <= stamps.through;
    const newest = this.#runs.findLast(isGiven);
    this.#runs = this.#runs.filter((run) => !isGiven(run));
    return newest === undefined ? undefined : stampOf(stamps, newest.lastElapsed);
  }

  /** Offsets for runs before number `numbersFrom` are needed no longer. */
  release(numbersFrom: number): void {
    this.#given = this.#given.filter(({ through }) => through >= numbersFrom);
  }

  /** Stamp and extra quality of an unstamped reading; undefined while it has none. */
  resolve(session: number, number: number, elapsed: number): { stamp: SiteTime; quality: number } | undefined {
    const stamps = this.#given.find((each) => each.session === session && number <= each.through);
    if (stamps === undefined) return undefined;
    return { stamp: stampOf(stamps, elapsed), quality: stamps.isGuessed ? quality.timeGuessed : 0 };
  }

  /** The next record to write once `session`, which is running, has learnt its `offset`. `newest`: the last stamp given. */
  nextKnown(session: number, offset: number, newest: SiteTime | undefined, last: number): StampsPayload | undefined {
    const run = this.#runs[0];
    if (run === undefined) return undefined;
    if (run.session === session) {
      const earliest = Math.round(newest ?? 0);
      return { kind: "stamps", session, through: run.last, offset, isGuessed: false, last, earliest };
    }
    // Nothing was known when it was taken, nor since: it is placed just before the running session began.
    return {
      kind: "stamps",
      session: run.session,
      through: run.last,
      offset: offset - run.lastElapsed,
      isGuessed: true,
      last,
      earliest: 0,
    };
  }

  /** The next record for a session that ended unstamped: its first reading gets the last site time known. */
  nextGuessed(session: number, lastKnown: SiteTime, last: number): StampsPayload | undefined {
    const run = this.#runs[0];
    if (run === undefined || run.session === session) return undefined;
    const earliest = Math.round(lastKnown);
    const offset = earliest - run.firstElapsed;
    return { kind: "stamps", session: run.session, through: run.last, offset, isGuessed: true, last, earliest };
  }
}

/** Of a reading that was taken `elapsed` after its session began. */
const stampOf = ({ offset, earliest }: StampsPayload, elapsed: number): SiteTime =>
  siteTime(Math.max(elapsed + offset, earliest));
