// The windows that the site still holds: what is counted in each, which edition was published, and what must be published next.
//
// Problem: two days of windows on a machine with little memory, changed by every partial. Idea: each window's fold is one packed
// byte array, decoded only to merge into it; beside it stand the few numbers that decide when it is published. A window leaves
// when it is closed, published and clean, the oldest first; from then on every window that began before its end (`horizon`) and is
// not here counts as left, and what still comes for it becomes a *supplement*: published by itself, added by the reader, then forgotten.

import { decode, encode } from "../base/cbor.ts";
import { assert } from "../base/errors.ts";
import { type DeviceId, isDeviceId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { type SiteTime, siteTime } from "../base/units.ts";
import { emptyFold, mergeFolds } from "../readings/fold.ts";
import type { Fold, WindowKey } from "../readings/types.ts";
import type { CellSource } from "./cells.ts";
import { packFold, unpackFold, unpackKey } from "./fold-codec.ts";
import type { Cell } from "./types.ts";

export interface SiteWindow {
  /** Of its cell. */
  readonly name: string;
  readonly key: WindowKey;
  /** Readings for a window that has left: published once, with `adds`. */
  readonly isSupplement: boolean;
  /** Not included. Earlier than a whole window after the start where a newer definition begins. */
  readonly end: SiteTime;
  /** 0: never published. */
  readonly edition: number;
  /** Site time of the last edition; 0: none. */
  readonly publishedAt: SiteTime;
  /** Published, and changed since. */
  readonly isDirty: boolean;
  /** Whose contribution is complete. Forgotten with the first edition. */
  readonly contributors: ReadonlySet<DeviceId>;
  /** The fold's bytes (fold-codec.ts), one in each character: a byte array of this size costs 250 B beside what is in it. */
  readonly packed: string;
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** Beside packed bytes, contributors and name: the object, entries of two maps and the cell's hash, as measured. */
const overheadBytes = 512;
const contributorBytes = 16;
const nobody: ReadonlySet<DeviceId> = new Set();

export class Windows implements CellSource {
  readonly prefix = "window/";
  readonly #bytesMax: number;
  readonly #touch: (key: string) => void;
  readonly #windows = new Map<string, Mutable<SiteWindow>>();
  /** Never published, or dirty. */
  readonly #pending = new Set<Mutable<SiteWindow>>();
  #bytes = 0;
  /** No window ends earlier; raised by the search for old ones, so that most closes need not search. */
  #oldestEnd = Number.POSITIVE_INFINITY;

  constructor(bytesMax: number, touch: (key: string) => void) {
    this.#bytesMax = bytesMax;
    this.#touch = touch;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#windows.size;
  }

  /** Those to be published, in no particular order. */
  get pending(): ReadonlySet<SiteWindow> {
    return this.#pending;
  }

  all(): Iterable<SiteWindow> {
    return this.#windows.values();
  }

  get(key: WindowKey): SiteWindow | undefined {
    return this.#windows.get(cellKey(key, false));
  }

  /** What waits of readings that came for a window that has left. */
  supplement(key: WindowKey): SiteWindow | undefined {
    return this.#windows.get(cellKey(key, true));
  }

  /**
   * Merges into the window of `key`, or into its supplement if it has left, or if it is meant. `end`: where a new window of this key
   * ends; a supplement is as long as the longest that is in it.
   */
  add(
    key: WindowKey,
    fold: Fold,
    contributors: readonly DeviceId[],
    place: { end: SiteTime; horizon: SiteTime; isSupplement?: boolean },
  ): void {
    // By its start: a later definition may have lengthened a window after it had left (seed 1033 of the world).
    const hasLeft = key.start < place.horizon && this.get(key) === undefined;
    const isSupplement = hasLeft || place.isSupplement === true;
    const name = cellKey(key, isSupplement);
    let window = this.#windows.get(name);
    if (window === undefined) {
      window = {
        name,
        key,
        isSupplement,
        end: place.end,
        edition: 0,
        publishedAt: siteTime(0),
        isDirty: false,
        contributors: nobody,
        packed: pack(emptyFold),
      };
      this.#insert(name, window);
    }
    if (isSupplement && place.end > window.end) window.end = place.end;
    const merged = mergeFolds(foldOf(window), fold);
    this.#bytes -= sizeOf(window);
    window.packed = pack({ ...merged, sum: clampFinite(merged.sum), missing: Math.max(0, merged.missing) });
    if (window.edition > 0) window.isDirty = true;
    else if (contributors.length > 0) window.contributors = new Set([...window.contributors, ...contributors]);
    this.#bytes += sizeOf(window);
    this.#pending.add(window);
    this.#touch(window.name);
  }

  /** The next edition is out. A supplement is forgotten with it. */
  published({ name }: SiteWindow, at: SiteTime): void {
    const own = this.#windows.get(name);
    if (own === undefined) return;
    this.#touch(name);
    if (own.isSupplement) {
      this.#drop(name, own);
      return;
    }
    own.edition += 1;
    own.publishedAt = at;
    own.isDirty = false;
    this.#bytes -= sizeOf(own);
    own.contributors = nobody;
    this.#bytes += sizeOf(own);
    this.#pending.delete(own);
  }

  /** Ends of windows that were never published follow the definitions; `endOf` gives undefined where they do not know the key. */
  moveEnds(endOf: (key: WindowKey) => SiteTime | undefined): void {
    for (const window of this.#pending) {
      if (window.edition > 0 || window.isSupplement) continue;
      const end = endOf(window.key);
      if (end === undefined || end === window.end) continue;
      window.end = end;
      this.#oldestEnd = Math.min(this.#oldestEnd, end);
      this.#touch(window.name);
    }
  }

  /** Lets those go that `isMeant`, each of them published and clean; answers the end of the youngest. */
  drop(isMeant: (window: SiteWindow) => boolean): SiteTime {
    let horizon = siteTime(0);
    for (const [name, window] of [...this.#windows]) {
      if (window.isSupplement || !isMeant(window)) continue;
      assert(!this.#pending.has(window), "a window that leaves is published and clean");
      this.#drop(name, window);
      this.#touch(name);
      horizon = siteTime(Math.max(horizon, window.end));
    }
    return horizon;
  }

  /**
   * Lets windows go that are published, clean and ended at or before `closedUpTo`: those older than `ageEnd`, and the oldest
   * while there are more bytes than the bound. Answers the end of the youngest that left.
   */
  dropOld(ageEnd: SiteTime, closedUpTo: SiteTime): SiteTime {
    let horizon = siteTime(0);
    if (this.#bytes <= this.#bytesMax && this.#oldestEnd > ageEnd) return horizon;
    const old = [...this.#windows].filter(([, window]) => mayLeave(window, closedUpTo));
    old.sort(([nameA, a], [nameB, b]) => a.end - b.end || (nameA < nameB ? -1 : 1));
    // Some room is made at once, so that the next search is far away.
    const wanted = this.#bytes > this.#bytesMax ? this.#bytesMax * 0.9 : this.#bytesMax;
    for (const [name, window] of old) {
      if (window.end > ageEnd && window.end > horizon && this.#bytes <= wanted) break;
      this.#drop(name, window);
      this.#touch(name);
      horizon = siteTime(Math.max(horizon, window.end));
    }
    this.#oldestEnd = Number.POSITIVE_INFINITY;
    for (const window of this.#windows.values()) this.#oldestEnd = Math.min(this.#oldestEnd, window.end);
    return horizon;
  }

  read(name: string): Uint8Array | undefined {
    const window = this.#windows.get(name);
    if (window === undefined) return undefined;
    const { key, isSupplement, end, edition, publishedAt, isDirty, contributors, packed } = window;
    const head = [key.aggregation, key.group, key.start, isSupplement, end, edition, publishedAt, isDirty];
    return encode([...head, [...contributors].sort(), Buffer.from(packed, "latin1")]);
  }

  load({ key: name, value }: Cell): boolean {
    const fields = new Fields(decode(value), 10);
    const key = unpackKey([fields.unknown(), fields.unknown(), fields.unknown()]);
    if (key === undefined) return false;
    const window: Mutable<SiteWindow> = {
      name,
      key,
      isSupplement: fields.flag(),
      end: siteTime(fields.count()),
      edition: fields.count(),
      publishedAt: siteTime(fields.count()),
      isDirty: fields.flag(),
      contributors: new Set(fields.list(limits.members, (item) => (isDeviceId(item) ? item : undefined))),
      packed: Buffer.from(fields.bytes(limits.frameBytes)).toString("latin1"),
    };
    if (fields.finish(window) === undefined || cellKey(key, window.isSupplement) !== name) return false;
    if (unpack(window.packed) === undefined) return false;
    this.#insert(name, window);
    if (window.edition === 0 || window.isDirty) this.#pending.add(window);
    return true;
  }

  #insert(name: string, window: Mutable<SiteWindow>): void {
    this.#windows.set(name, window);
    this.#bytes += sizeOf(window);
    this.#oldestEnd = Math.min(this.#oldestEnd, window.end);
  }

  #drop(name: string, window: Mutable<SiteWindow>): void {
    this.#windows.delete(name);
    this.#pending.delete(window);
    this.#bytes -= sizeOf(window);
  }
}

/** What is counted in it. */
export function foldOf(window: SiteWindow): Fold {
  const fold = unpack(window.packed);
  assert(fold !== undefined, "a window's bytes are a fold");
  return fold;
}

/** Counted the same on each replica, whatever the memory really is. */
function sizeOf({ name, packed, contributors }: SiteWindow): number {
  return packed.length + name.length + contributors.size * contributorBytes + overheadBytes;
}

function mayLeave(window: SiteWindow, closedUpTo: SiteTime): boolean {
  return window.edition > 0 && !window.isDirty && window.end <= closedUpTo;
}

function pack(fold: Fold): string {
  return Buffer.from(encode(packFold(fold))).toString("latin1");
}

const unpack = (packed: string): Fold | undefined => unpackFold(decode(Buffer.from(packed, "latin1")));

function clampFinite(sum: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, sum));
}

function cellKey(key: WindowKey, isSupplement: boolean): string {
  return `window/${key.aggregation}/${key.start}/${key.group}${isSupplement ? "/+" : ""}`;
}
