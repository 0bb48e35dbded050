// The few facts about the site that are single values: one cell.

import { decode, encode } from "../base/cbor.ts";
import type { Generation, SiteId } from "../base/ids.ts";
import { Fields } from "../base/shape.ts";
import { type LogIndex, logIndex, type SiteTime, siteTime } from "../base/units.ts";
import type { CellSource } from "./cells.ts";
import type { Cell } from "./types.ts";

/** Of the format of all cells: another one is not read. */
const cellsVersion = 1;

export interface CheckpointMark {
  /** The entry that asked for it. */
  readonly index: LogIndex;
  /** What the coordinator said of the one before. */
  readonly previous: { readonly index: LogIndex; readonly digest: string } | undefined;
}

export class SiteFacts implements CellSource {
  readonly prefix = "site";
  readonly #touch: (key: string) => void;
  site: SiteId | undefined;
  generation: Generation | undefined;
  /** The newest site time in any entry: time never falls behind it. */
  floor = siteTime(0);
  /** The newest stamp counted; 0: none. */
  stampMax = siteTime(0);
  closedUpTo = siteTime(0);
  /** Windows that ended at or before it and are not here have left: what comes for them is a supplement. */
  horizon = siteTime(0);
  checkpoint: CheckpointMark | undefined;

  constructor(touch: (key: string) => void) {
    this.#touch = touch;
  }

  /** Takes new values; times only rise. */
  set(
    facts: Partial<
      Pick<SiteFacts, "site" | "generation" | "floor" | "stampMax" | "closedUpTo" | "horizon" | "checkpoint">
    >,
  ): void {
    this.site = facts.site ?? this.site;
    this.generation = facts.generation ?? this.generation;
    this.checkpoint = facts.checkpoint ?? this.checkpoint;
    this.floor = later(this.floor, facts.floor);
    this.stampMax = later(this.stampMax, facts.stampMax);
    this.closedUpTo = later(this.closedUpTo, facts.closedUpTo);
    this.horizon = later(this.horizon, facts.horizon);
    this.#touch(this.prefix);
  }

  read(): Uint8Array {
    const { site, generation, floor, stampMax, closedUpTo, horizon, checkpoint } = this;
    const founded = generation === undefined ? null : [site, generation.number, generation.nonce];
    const mark = checkpoint === undefined ? null : [checkpoint.index, packPrevious(checkpoint.previous)];
    return encode([cellsVersion, founded, floor, stampMax, closedUpTo, horizon, mark]);
  }

  load({ key, value }: Cell): boolean {
    const fields = new Fields(decode(value), 7);
    fields.require(fields.count() === cellsVersion);
    const founded = fields.optional((each) => each.decoded(unpackFounded));
    this.site = founded?.site;
    this.generation = founded?.generation;
    this.floor = siteTime(fields.count());
    this.stampMax = siteTime(fields.count());
    this.closedUpTo = siteTime(fields.count());
    this.horizon = siteTime(fields.count());
    this.checkpoint = fields.optional((each) => each.decoded(unpackMark));
    return key === this.prefix && (fields.finish(true) ?? false);
  }
}

function later(before: SiteTime, after: SiteTime | undefined): SiteTime {
  return after === undefined || after <= before ? before : after;
}

const packPrevious = (previous: CheckpointMark["previous"]): unknown =>
  previous === undefined ? null : [previous.index, previous.digest];

function unpackFounded(value: unknown): { site: SiteId; generation: Generation } | undefined {
  const fields = new Fields(value, 3);
  const site = fields.text(32) as SiteId;
  return fields.finish({ site, generation: { number: fields.count(), nonce: fields.text(32) } });
}

function unpackMark(value: unknown): CheckpointMark | undefined {
  const fields = new Fields(value, 2);
  const index = logIndex(fields.count());
  const previous = fields.optional((each) => each.decoded(unpackPrevious));
  return fields.finish({ index, previous });
}

function unpackPrevious(value: unknown): { index: LogIndex; digest: string } | undefined {
  const fields = new Fields(value, 2);
  return fields.finish({ index: logIndex(fields.count()), digest: fields.text(32) });
}
