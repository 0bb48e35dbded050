// Snapshots are checkpoints, streamed in chunks under a name (DESIGN §11).
//
// The stream is the checkpoint's cells in the order of their keys, cut into pieces so that each chunk fits a frame. Its bytes
// are a pure function of the checkpoint, so a chunk may be asked for again, also after the sender has restarted.

import { decode, encode } from "../base/cbor.ts";
import { limits } from "../base/limits.ts";
import type { StorageSnapshot } from "../base/ports/storage.ts";
import type { SnapshotName } from "../raft/types.ts";
import type { Cell } from "../site/types.ts";
import { type Checkpoints, cellKey, type Space, spaceRange } from "./checkpoints.ts";

export interface Chunk {
  readonly data: Uint8Array;
  readonly isLast: boolean;
}

/** Part of a cell: [key, all of the cell's bytes, bytes before this piece, piece]. */
type Piece = readonly [key: string, total: number, before: number, bytes: Uint8Array];

interface Cursor {
  /** The first key that is not wholly sent, and how many bytes of it are. */
  readonly key: string;
  readonly before: number;
}

export interface ServedCheckpoints {
  readonly checkpoints: Checkpoints;
  /** No chunk is larger; it is what the core counts for one. */
  readonly chunkBytes: number;
}

interface Viewed {
  readonly view: StorageSnapshot;
  readonly space: Space;
}

/** Reads chunks of one checkpoint from a view of the storage; one at a time, kept while somebody asks. */
export class SnapshotReader {
  readonly #view: StorageSnapshot;
  readonly #prefix: string;
  readonly #end: string;
  readonly name: SnapshotName;
  readonly #chunkBytes: number;
  /** Where each offset that has been reached begins. */
  readonly #reached = new Map<number, Cursor>();
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(name: SnapshotName, { view, space }: Viewed, chunkBytes: number) {
    this.name = name;
    this.#view = view;
    this.#chunkBytes = chunkBytes;
    this.#prefix = cellKey(space, "");
    this.#end = spaceRange(space).to;
    this.#reached.set(0, { key: this.#prefix, before: 0 });
  }

  /** Undefined when the current checkpoint is not the named one (any more). */
  static async open(
    name: SnapshotName,
    { checkpoints, chunkBytes }: ServedCheckpoints,
  ): Promise<SnapshotReader | undefined> {
    const view = await checkpoints.view();
    if (view === undefined) return undefined;
    const { checkpoint, space, cells } = view;
    if (checkpoint.start.index === name.index && checkpoint.digest === name.digest) {
      return new SnapshotReader(name, { view: cells, space }, chunkBytes);
    }
    await cells.release();
    return undefined;
  }

  /** The chunk at `offset`; undefined when no chunk begins there. */
  chunk(offset: number): Promise<Chunk | undefined> {
    const result = this.#queue.then(() => this.#chunk(offset));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** After the chunks that were asked for. */
  async release(): Promise<void> {
    await this.#queue;
    await this.#view.release();
  }

  async #chunk(offset: number): Promise<Chunk | undefined> {
    let at = [...this.#reached.keys()].reduce(
      (best, reached) => (reached <= offset && reached > best ? reached : best),
      0,
    );
    for (;;) {
      const cursor = this.#reached.get(at);
      if (cursor === undefined) return undefined;
      const { pieces, next } = await this.#pieces(cursor);
      const data = encode(pieces);
      if (next !== undefined) this.#reached.set(at + data.length, next);
      if (at === offset) return { data, isLast: next === undefined };
      if (next === undefined || at > offset) return undefined;
      at += data.length;
    }
  }

  async #pieces(cursor: Cursor): Promise<{ pieces: Piece[]; next: Cursor | undefined }> {
    const pieces: Piece[] = [];
    let room = this.#chunkBytes;
    let { key: from, before } = cursor;
    for (;;) {
      const page = await this.#view.page({ from, to: this.#end }, pageEntries);
      for (const [key, value] of page) {
        const head = pieceOverhead + Buffer.byteLength(key);
        if (room < head) return { pieces, next: { key, before } };
        const bytes = value.subarray(before, before + room - head);
        pieces.push([key.slice(this.#prefix.length), value.length, before, bytes]);
        room -= bytes.length + head;
        before += bytes.length;
        if (before < value.length) return { pieces, next: { key, before } };
        before = 0;
        from = `${key}\u0000`;
      }
      if (page.length < pageEntries) return { pieces, next: undefined };
    }
  }
}

/** More than the CBOR heads of a piece take, and of all pieces together. */
const pieceOverhead = 32;
/** Cells read at once: a chunk is rarely more, and one that is held by a few large cells does not load many others. */
const pageEntries = 16;

/** Puts cells together from chunks that arrive in order. Never throws on what a peer sends. */
export class SnapshotAssembler {
  readonly name: SnapshotName;
  offset = 0;
  #open: { key: string; total: number; parts: Uint8Array[]; length: number } | undefined;

  constructor(name: SnapshotName) {
    this.name = name;
  }

  /** The cells that `data` completes; undefined when it is no chunk of this stream. */
  add(data: Uint8Array): readonly Cell[] | undefined {
    const pieces = readPieces(data);
    if (pieces === undefined) return undefined;
    const cells: Cell[] = [];
    for (const [key, total, before, bytes] of pieces) {
      if (before === 0) this.#open = { key, total, parts: [], length: 0 };
      const open = this.#open;
      if (open === undefined || open.key !== key || open.length !== before || before + bytes.length > total)
        return undefined;
      open.parts.push(bytes);
      open.length += bytes.length;
      if (open.length === total) {
        cells.push({ key, value: Buffer.concat(open.parts) });
        this.#open = undefined;
      }
    }
    this.offset += data.length;
    return cells;
  }

  /** No cell is half there. */
  get isWhole(): boolean {
    return this.#open === undefined;
  }
}

function readPieces(data: Uint8Array): Piece[] | undefined {
  let raw: unknown;
  try {
    raw = decode(data);
  } catch {
    return undefined;
  }
  if (!Array.isArray(raw)) return undefined;
  const isPiece = (piece: unknown): piece is Piece =>
    Array.isArray(piece) &&
    typeof piece[0] === "string" &&
    Number.isSafeInteger(piece[1]) &&
    Number.isSafeInteger(piece[2]) &&
    piece[3] instanceof Uint8Array &&
    piece[1] <= limits.outboxBytes;
  return raw.every(isPiece) ? raw : undefined;
}
