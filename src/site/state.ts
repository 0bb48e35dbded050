// The replicated state machine: every member applies the same entries in the same order and holds the same state.
//
// `apply` is synchronous, deterministic and total. An entry that makes no sense is refused, the same everywhere, and changes
// nothing but the floor of site time; nothing in the log can throw (RAFT-CASES 52). Who wants to know *why* an entry has its
// effect reads the file of its noun: members, counting, closing, definitions, configuration-table, outbox, sessions.

import type { DeviceId, Generation, MemberKey, SiteId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { type LogIndex, type SiteTime, siteTime } from "../base/units.ts";
import type { Definitions, WindowKey } from "../readings/types.ts";
import type { CellChanges } from "./cells.ts";
import { dueClose } from "./closing.ts";
import { decodeEntry } from "./command-codec.ts";
import type { SiteConfiguration } from "./configuration.ts";
import { execute } from "./execute.ts";
import type { SiteMember } from "./members.ts";
import type { Outbox } from "./outbox.ts";
import { refused } from "./refusals.ts";
import type { CheckpointMark } from "./site-facts.ts";
import { type SiteBounds, Tables } from "./tables.ts";
import type { TimeFacts } from "./time-table.ts";
import type { Applied, AppliedEntry, Cell, Outcome } from "./types.ts";
import type { SiteWindow } from "./windows.ts";

export interface WindowOverview {
  readonly count: number;
  /** Never published. */
  readonly unpublished: number;
  /** Published, and changed since. */
  readonly dirty: number;
  readonly bytes: number;
  /** Start of the oldest that has still to be published. */
  readonly oldestPending: SiteTime | undefined;
}

/** How much there is of what only grows until its bound (P8). */
export interface StateSizes {
  readonly members: number;
  readonly gone: number;
  readonly sessions: number;
  readonly windows: number;
  readonly windowBytes: number;
  readonly outboxItems: number;
  readonly outboxBytes: number;
  readonly revisions: number;
  readonly definitionVersions: number;
}

export class SiteState {
  readonly #tables: Tables;
  /** Cells in the checkpoint that is being written. */
  #taken: string[] = [];

  private constructor(bounds: SiteBounds) {
    this.#tables = new Tables(bounds);
  }

  /** `bounds` must be the same for all members of a site. */
  static empty(bounds: SiteBounds = limits): SiteState {
    return new SiteState(bounds);
  }

  /** From a checkpoint's cells, in any order. Fails with `state-damaged` on a cell that is none of this version. */
  static load(cells: Iterable<Cell>, bounds: SiteBounds = limits): SiteState {
    const state = new SiteState(bounds);
    for (const cell of cells) state.#tables.load(cell);
    return state;
  }

  apply(entry: AppliedEntry): Applied {
    const { facts, sessions } = this.#tables;
    const floor = wholeTime(entry.siteTime);
    if (floor > facts.floor) facts.set({ floor });
    const decoded = decodeEntry(entry.command);
    if (decoded === undefined) return unchanged(refused("malformed", "Not a command of this version"));
    const { client } = decoded.proposal;
    const known = client === undefined ? undefined : sessions.answer(client);
    if (known !== undefined) return unchanged(known);
    const { outcome, touched, moves } = execute(this.#tables, decoded, entry);
    if (client !== undefined) sessions.remember(client, outcome, entry.index);
    return { outcome, touched: new Set(touched), moves };
  }

  // What a checkpoint needs.

  /** All cells changed since the last call. They count as written only when `checkpointed` says so. */
  takeDirty(): CellChanges {
    const changes = this.#tables.cells.take((key) => this.cell(key));
    for (const { key } of changes.puts) this.#taken.push(key);
    return changes;
  }

  /** What `takeDirty` gave is synced: bytes that apply does not need may leave memory. */
  checkpointed(): void {
    for (const key of this.#taken) this.#tables.forgetCold(key);
    this.#taken = [];
  }

  /** 32 hex digits over the whole state. */
  digest(): string {
    return this.#tables.cells.digest((key) => this.cell(key));
  }

  /** Of the whole state, as of the last `takeDirty` or `digest`: what a snapshot costs. */
  get bytes(): number {
    return this.#tables.cells.bytes;
  }

  /** A cell's present bytes; undefined if there is none, or if only the store has them (outbox items, history). */
  cell(key: string): Uint8Array | undefined {
    return this.#tables.cell(key);
  }

  // What others ask.

  get site(): SiteId | undefined {
    return this.#tables.facts.site;
  }

  get generation(): Generation | undefined {
    return this.#tables.facts.generation;
  }

  get siteTimeFloor(): SiteTime {
    return this.#tables.facts.floor;
  }

  /** Whether site time is synced, by which sources, and how it jumped. */
  get time(): TimeFacts {
    return this.#tables.time.facts;
  }

  get stampMax(): SiteTime {
    return this.#tables.facts.stampMax;
  }

  get closedUpTo(): SiteTime {
    return this.#tables.facts.closedUpTo;
  }

  get checkpoint(): CheckpointMark | undefined {
    return this.#tables.facts.checkpoint;
  }

  get configuration(): SiteConfiguration {
    return this.#tables.configuration.configuration;
  }

  get revision(): LogIndex {
    return this.#tables.configuration.revision;
  }

  /** Revisions that can be shown and applied again, ascending. */
  get revisions(): readonly LogIndex[] {
    return this.#tables.configuration.revisions;
  }

  /** Cells to undo, newest first, for the configuration as it was at `revision` (`configurationBefore`). */
  historyKeysSince(revision: LogIndex): readonly string[] | undefined {
    return this.#tables.configuration.historyKeysSince(revision);
  }

  get definitions(): Definitions {
    return this.#tables.definitions.current;
  }

  get members(): ReadonlyMap<DeviceId, SiteMember> {
    return this.#tables.members.all;
  }

  member(device: DeviceId): SiteMember | undefined {
    return this.#tables.members.all.get(device);
  }

  /** Last number counted, also of an origin that was removed; undefined: never heard of. */
  counted(origin: MemberKey): number | undefined {
    return this.#tables.members.counted(origin);
  }

  /** Last number that the site knows to be taken: with `counted`, how far a device's readings wait. */
  stored(origin: MemberKey): number | undefined {
    return this.#tables.members.stored(origin);
  }

  isGone(origin: MemberKey): boolean {
    return this.#tables.members.isGone(origin);
  }

  get outbox(): Pick<Outbox, "first" | "next" | "count" | "bytes" | "isFull" | "holds" | "item" | "itemKey"> {
    return this.#tables.outbox;
  }

  /** Up to here items have reached the uplink broker, or were replaced by later ones; 0: none. */
  get cursor(): number {
    return this.#tables.outbox.first - 1;
  }

  get windows(): WindowOverview {
    const pending = [...this.#tables.windows.pending];
    const unpublished = pending.filter(({ edition }) => edition === 0).length;
    const starts = pending.map(({ key }) => key.start);
    const oldestPending = starts.length === 0 ? undefined : starts.reduce((a, b) => (b < a ? b : a));
    const { count, bytes } = this.#tables.windows;
    return { count, bytes, unpublished, dirty: pending.length - unpublished, oldestPending };
  }

  /** The same for all members of the site. */
  get bounds(): SiteBounds {
    return this.#tables.bounds;
  }

  /** Those to be published, never or again, in no particular order. */
  pendingWindows(): Iterable<SiteWindow> {
    return this.#tables.windows.pending;
  }

  allWindows(): Iterable<SiteWindow> {
    return this.#tables.windows.all();
  }

  window(key: WindowKey): SiteWindow | undefined {
    return this.#tables.windows.get(key);
  }

  /** What came for a window that has left, and is not published yet. */
  supplement(key: WindowKey): SiteWindow | undefined {
    return this.#tables.windows.supplement(key);
  }

  /** Of every table that has a bound. */
  get sizes(): StateSizes {
    const { members, sessions, windows, outbox, configuration, definitions } = this.#tables;
    return {
      members: members.all.size,
      gone: members.goneCount,
      sessions: sessions.count,
      windows: windows.count,
      windowBytes: windows.bytes,
      outboxItems: outbox.count,
      outboxBytes: outbox.bytes,
      revisions: configuration.historyCount,
      definitionVersions: definitions.current.versions.length,
    };
  }

  /** Members that have a sensor in the window's group. */
  expectedContributors(key: WindowKey): ReadonlySet<DeviceId> {
    const devices = this.#tables.definitions.contributorsOf(key);
    return new Set([...devices].filter((device) => this.#tables.members.all.has(device)));
  }

  /** Every expected member has contributed what it has. */
  isWindowComplete(key: WindowKey): boolean {
    const contributors = this.#tables.windows.get(key)?.contributors;
    return (
      contributors !== undefined && [...this.expectedContributors(key)].every((device) => contributors.has(device))
    );
  }

  /** The `close` that the coordinator should propose now; undefined: none. */
  dueClose(now: SiteTime): SiteTime | undefined {
    return dueClose(now, {
      windows: this.#tables.windows,
      outbox: this.#tables.outbox,
      definitions: this.#tables.definitions,
      closedUpTo: this.closedUpTo,
      editionInterval: this.configuration.settings.editionInterval,
      isComplete: ({ key }) => this.isWindowComplete(key),
    });
  }
}

const unchanged = (outcome: Outcome): Applied => ({ outcome, touched: new Set(), moves: [] });

/** Site time counts in whole milliseconds here; what is no time at all is none. */
const wholeTime = (time: number): SiteTime =>
  siteTime(time > 0 && time < Number.MAX_SAFE_INTEGER ? Math.floor(time) : 0);
