// The replicated state on disk (DESIGN §11): one synced batch of the cells that changed, with index, term and digest.
//
// Cells live under the name of a space. A snapshot that comes from another member is received into the other space and made
// current by one batch, once its digest matched: a half-received one is never seen (RAFT-CASES 47).

import { decode, encode } from "../base/cbor.ts";
import { SkeinError } from "../base/errors.ts";
import type { Storage, StorageChange, StorageRange, StorageSnapshot } from "../base/ports/storage.ts";
import type { LogStart, SnapshotName, Voters } from "../raft/types.ts";
import { SiteState } from "../site/state.ts";
import type { SiteBounds } from "../site/tables.ts";
import type { Cell } from "../site/types.ts";
import { encodeStart, readStart } from "./raft-log.ts";

/** A checkpoint that is synced. */
export interface Checkpoint {
  readonly start: LogStart;
  /** 32 hex digits. */
  readonly digest: string;
  /** Of its cells; roughly what a snapshot costs to send. */
  readonly bytes: number;
}

export type RecoveredState =
  | { readonly kind: "empty" }
  | { readonly kind: "found"; readonly checkpoint: Checkpoint; readonly state: SiteState }
  /** Its digest does not match: what the card holds is not what was written. */
  | { readonly kind: "damaged"; readonly detail: string };

export type Space = "a" | "b";

interface CurrentCheckpoint {
  readonly space: Space;
  readonly checkpoint: Checkpoint;
}

export interface CheckpointView extends CurrentCheckpoint {
  /** To be released. */
  readonly cells: StorageSnapshot;
}

/** Says in which space the checkpoint is, and what it is. */
export const currentKey = "checkpoint/current";
const pageEntries = 256;

export const spaceRange = (space: Space): StorageRange => ({ from: `state/${space}/`, to: `state/${space}0` });
export const cellKey = (space: Space, key: string): string => `state/${space}/${key}`;

export class Checkpoints {
  readonly #storage: Storage;
  readonly #bounds: SiteBounds | undefined;
  #space: Space;
  #current: Checkpoint | undefined;
  /** Writes and installs one after the other, in the order of the calls. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(storage: Storage, bounds: SiteBounds | undefined, current: CurrentCheckpoint | undefined) {
    this.#storage = storage;
    this.#bounds = bounds;
    this.#space = current?.space ?? "a";
    this.#current = current?.checkpoint;
  }

  /** `bounds`: of the replicated state; absent: those of `base/limits.ts`. */
  static async open(
    storage: Storage,
    bounds?: SiteBounds,
  ): Promise<{ checkpoints: Checkpoints; recovered: RecoveredState }> {
    const raw = await storage.get(currentKey);
    const current = raw === undefined ? undefined : readCurrent(raw);
    const checkpoints = new Checkpoints(storage, bounds, current);
    if (raw === undefined) return { checkpoints, recovered: { kind: "empty" } };
    if (current === undefined) return { checkpoints, recovered: { kind: "damaged", detail: "its head is unreadable" } };
    const state = await loadState(storage, current.space, bounds);
    if (state === undefined || state.digest() !== current.checkpoint.digest) {
      const detail = `at entry ${current.checkpoint.start.index} the digest should be ${current.checkpoint.digest}, and is ${state?.digest() ?? "unreadable"}`;
      return { checkpoints, recovered: { kind: "damaged", detail } };
    }
    return { checkpoints, recovered: { kind: "found", checkpoint: current.checkpoint, state } };
  }

  get current(): Checkpoint | undefined {
    return this.#current;
  }

  /** A view of the current checkpoint that later ones do not change, as the storage itself has it; undefined: there is none. */
  async view(): Promise<CheckpointView | undefined> {
    const cells = this.#storage.snapshot();
    // Asked of the view: a checkpoint that is being written at this moment is in it or not, whatever this object knows.
    const raw = await cells.get(currentKey);
    const current = raw === undefined ? undefined : readCurrent(raw);
    if (current !== undefined) return { ...current, cells };
    await cells.release();
    return undefined;
  }

  /** Where a cell of the current state lies in the storage. */
  keyOf(cell: string): string {
    return cellKey(this.#space, cell);
  }

  /** Resolves when synced. Checkpoints reach the disk in the order of the calls. */
  save(
    checkpoint: Checkpoint,
    changed: { readonly puts: readonly Cell[]; readonly deletes: readonly string[] },
  ): Promise<void> {
    return this.#inOrder(async () => {
      const changes: StorageChange[] = changed.puts.map(({ key, value }) => ({
        kind: "put",
        key: cellKey(this.#space, key),
        value,
      }));
      for (const key of changed.deletes) changes.push({ kind: "delete", key: cellKey(this.#space, key) });
      changes.push({ kind: "put", key: currentKey, value: encodeCurrent(this.#space, checkpoint) });
      await this.#storage.write(changes);
      this.#current = checkpoint;
    });
  }

  /** Empties the space that snapshots are received into. */
  beginReceiving(): Promise<void> {
    return this.#inOrder(() => this.#storage.clear(spaceRange(this.#otherSpace())));
  }

  /** Keeps cells of a snapshot that is being received. */
  receive(cells: readonly Cell[]): Promise<void> {
    const space = this.#otherSpace();
    return this.#inOrder(() =>
      this.#storage.write(cells.map(({ key, value }) => ({ kind: "put", key: cellKey(space, key), value }))),
    );
  }

  /**
   * Makes what was received current, if its digest is the one in `name`; resolves with the new state. Fails with
   * `state-damaged` otherwise, and with `disk-full`, and then nothing has changed. No `save` may be on its way.
   */
  install(name: SnapshotName, voters: Voters, bytes: number): Promise<SiteState> {
    return this.#inOrder(async () => {
      const space = this.#otherSpace();
      const state = await loadState(this.#storage, space, this.#bounds);
      if (state === undefined || state.digest() !== name.digest) {
        throw new SkeinError(
          "state-damaged",
          `The snapshot of ${name.leader} at entry ${name.index} does not match its digest; it is asked for again`,
        );
      }
      const checkpoint: Checkpoint = {
        start: { index: name.index, term: name.term, voters },
        digest: name.digest,
        bytes,
      };
      await this.#storage.write([{ kind: "put", key: currentKey, value: encodeCurrent(space, checkpoint) }]);
      const old = this.#space;
      this.#space = space;
      this.#current = checkpoint;
      // Room, not truth: whatever is left there goes before the next snapshot is received.
      await this.#storage.clear(spaceRange(old)).catch(() => undefined);
      return state;
    });
  }

  #otherSpace(): Space {
    return this.#space === "a" ? "b" : "a";
  }

  #inOrder<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

async function loadState(
  storage: Storage,
  space: Space,
  bounds: SiteBounds | undefined,
): Promise<SiteState | undefined> {
  const prefix = cellKey(space, "");
  const range = spaceRange(space);
  const cells: Cell[] = [];
  for (let from = range.from; ; ) {
    const page = await storage.page({ from, to: range.to }, pageEntries);
    for (const [key, value] of page) cells.push({ key: key.slice(prefix.length), value });
    const last = page.at(-1);
    if (last === undefined || page.length < pageEntries) break;
    from = `${last[0]}\u0000`;
  }
  try {
    return SiteState.load(cells, bounds);
  } catch {
    return undefined; // cells that this version cannot read: reported as damaged by whoever asked
  }
}

function encodeCurrent(space: Space, { start, digest, bytes }: Checkpoint): Uint8Array {
  return encode([space, encodeStart(start), digest, bytes]);
}

/** Undefined for bytes that are none. */
export function readCurrent(raw: Uint8Array): CurrentCheckpoint | undefined {
  try {
    const [space, start, digest, bytes] = decode(raw) as unknown[];
    if ((space !== "a" && space !== "b") || typeof digest !== "string" || typeof bytes !== "number") return undefined;
    return { space, checkpoint: { start: readStart(start), digest, bytes } };
  } catch {
    return undefined;
  }
}
