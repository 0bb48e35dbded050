// The newest window published of each series, so that the value a broker keeps is never overwritten by a late edition of an
// older window.

import { decode, encode } from "../base/cbor.ts";
import { Fields } from "../base/shape.ts";
import { type SiteTime, siteTime } from "../base/units.ts";
import type { WindowKey } from "../readings/types.ts";
import type { CellSource } from "./cells.ts";
import type { Cell } from "./types.ts";

export class SeriesTable implements CellSource {
  readonly prefix = "series/";
  readonly #touch: (key: string) => void;
  readonly #latest = new Map<string, SiteTime>();

  constructor(touch: (key: string) => void) {
    this.#touch = touch;
  }

  /** Remembers that this window is published. True: no newer one of its series was. */
  noteLatest({ aggregation, group, start }: WindowKey): boolean {
    const key = `series/${aggregation}/${group}`;
    const latest = this.#latest.get(key);
    if (latest !== undefined && latest > start) return false;
    if (latest !== start) {
      this.#latest.set(key, start);
      this.#touch(key);
    }
    return true;
  }

  /** Whether the newest window published of a series starts in [start, end). */
  isLatestIn({ aggregation, group, start }: WindowKey, end: SiteTime): boolean {
    const latest = this.#latest.get(`series/${aggregation}/${group}`);
    return latest !== undefined && latest >= start && latest < end;
  }

  /** Series that ended before `start` are forgotten: their group is no more. */
  forgetBefore(start: SiteTime): void {
    for (const [key, latest] of this.#latest) {
      if (latest >= start) continue;
      this.#latest.delete(key);
      this.#touch(key);
    }
  }

  read(key: string): Uint8Array | undefined {
    const latest = this.#latest.get(key);
    return latest === undefined ? undefined : encode(latest);
  }

  load({ key, value }: Cell): boolean {
    const fields = new Fields([decode(value)]);
    const latest = fields.finish(siteTime(fields.count()));
    if (latest === undefined) return false;
    this.#latest.set(key, latest);
    return true;
  }
}
