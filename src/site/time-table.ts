// What the site has agreed on about its own time (DESIGN §6): one cell, which is there from the first change on.
//
// Problem: a clock that is corrected by whoever leads now would be corrected twice, or by one wrong clock. Idea: site time is
// uncertain until an entry adopts its sources, only such an entry makes it jump, and each names how many changes it knew of:
// of two that were made at the same state, one applies (as a count moves from exactly where a device stands).

import { decode, encode } from "../base/cbor.ts";
import { type DeviceId, isDeviceId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { type Duration, type LogIndex, logIndex, milliseconds, type SiteTime, shift, siteTime } from "../base/units.ts";
import type { CellSource } from "./cells.ts";
import { authorLengthMax } from "./configuration-table.ts";
import { type Refusal, refused } from "./refusals.ts";
import type { Cell, Command, TimeChange } from "./types.ts";

export interface TimeSource {
  readonly device: DeviceId;
  /** When an entry last said that its clock agrees. */
  readonly agreedAt: SiteTime;
}

export interface TimeJump {
  /** The entry that made it. */
  readonly index: LogIndex;
  /** Site time before it; stamps up to here were given by the clock that was wrong by `by`. */
  readonly at: SiteTime;
  readonly by: Duration;
  /** Who set the time by hand; undefined: the sources did. */
  readonly author: string | undefined;
}

export interface TimeFacts {
  /** Number of changes so far. */
  readonly changes: number;
  readonly isSynced: boolean;
  /** Since when it is synced, or uncertain. */
  readonly since: SiteTime;
  /** By how much site time was ahead of its sources when they last agreed (negative: behind them): it is slewed to them. */
  readonly ahead: Duration;
  readonly sources: readonly TimeSource[];
  /** Oldest first; at most `limits.timeJumps`. */
  readonly jumps: readonly TimeJump[];
}

const none: TimeFacts = {
  changes: 0,
  isSynced: false,
  since: siteTime(0),
  ahead: milliseconds(0),
  sources: [],
  jumps: [],
};

interface Moment {
  readonly index: LogIndex;
  /** Site time of the entry. */
  readonly at: SiteTime;
}

export class TimeTable implements CellSource {
  readonly prefix = "time";
  readonly #touch: (key: string) => void;
  #facts = none;

  constructor(touch: (key: string) => void) {
    this.#touch = touch;
  }

  get facts(): TimeFacts {
    return this.#facts;
  }

  /** Answers the site time that it is now, at least. */
  change(
    { after, change }: Extract<Command, { readonly kind: "time" }>,
    moment: Moment,
  ): Refusal | { readonly floor: SiteTime } {
    const facts = this.#facts;
    if (after !== facts.changes)
      return refused("stale-time", `Site time was changed ${facts.changes} times, and this change knew of ${after}`);
    const jump = change.kind === "lost" ? milliseconds(0) : change.jump;
    if (change.kind === "adopt" && facts.isSynced && jump > 0)
      return refused("malformed", "Site time that is synced does not jump: it runs faster or slower");
    const floor = shift(moment.at, jump);
    if (floor > limits.siteTimeMax) return refused("malformed", "Site time would be after the year 2200");
    const made: TimeJump = { ...moment, by: jump, author: change.kind === "set" ? change.author : undefined };
    const jumps = jump > 0 ? [...facts.jumps, made].slice(-limits.timeJumps) : facts.jumps;
    this.#facts = { ...changed(facts, change, floor), changes: facts.changes + 1, jumps };
    this.#touch(this.prefix);
    return { floor };
  }

  read(): Uint8Array | undefined {
    const { changes, isSynced, since, ahead, sources, jumps } = this.#facts;
    if (changes === 0) return undefined;
    return encode([
      changes,
      isSynced,
      since,
      ahead,
      sources.map(({ device, agreedAt }) => [device, agreedAt]),
      jumps.map(({ index, at, by, author }) => [index, at, by, author ?? null]),
    ]);
  }

  load({ key, value }: Cell): boolean {
    const fields = new Fields(decode(value), 6);
    this.#facts = {
      changes: fields.count(),
      isSynced: fields.flag(),
      since: siteTime(fields.count()),
      ahead: milliseconds(fields.integer()),
      sources: fields.list(limits.timeSources, unpackSource),
      jumps: fields.list(limits.timeJumps, unpackJump),
    };
    return key === this.prefix && (fields.finish(true) ?? false);
  }
}

function changed(
  facts: TimeFacts,
  change: TimeChange,
  now: SiteTime,
): Pick<TimeFacts, "isSynced" | "since" | "ahead" | "sources"> {
  if (change.kind !== "adopt") return { isSynced: false, since: now, ahead: milliseconds(0), sources: [] };
  const agreeing = new Set(change.sources);
  const others = facts.isSynced ? facts.sources.filter(({ device }) => !agreeing.has(device)) : [];
  const sources = [...change.sources.map((device) => ({ device, agreedAt: now })), ...others];
  return {
    isSynced: true,
    since: facts.isSynced ? facts.since : now,
    ahead: change.ahead,
    sources: sources.slice(0, limits.timeSources),
  };
}

function unpackSource(value: unknown): TimeSource | undefined {
  const fields = new Fields(value, 2);
  return fields.finish({ device: fields.matching(isDeviceId), agreedAt: siteTime(fields.count()) });
}

function unpackJump(value: unknown): TimeJump | undefined {
  const fields = new Fields(value, 4);
  return fields.finish({
    index: logIndex(fields.count()),
    at: siteTime(fields.count()),
    by: milliseconds(fields.count()),
    author: fields.optional((each) => each.text(authorLengthMax)),
  });
}
