// Sending and receiving snapshots: the disk work behind the core's `serve-chunk` and `store-chunk`.

import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Storage } from "../base/ports/storage.ts";
import { type LogIndex, minutes } from "../base/units.ts";
import type { RaftEffect, SnapshotName, Voters } from "../raft/types.ts";
import type { SiteState } from "../site/state.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { type Chunk, SnapshotAssembler, SnapshotReader } from "./snapshots.ts";

type ServeChunk = Extract<RaftEffect, { kind: "serve-chunk" }>;

export interface SnapshotTransferHandlers {
  chunk(asked: ServeChunk, chunk: Chunk): void;
  /** Current on disk; the state in memory is to be replaced by `state`. */
  installed(name: SnapshotName, voters: Voters, state: SiteState): void;
  failed(name: SnapshotName, reason: string): void;
  /** The state machine stands here: older snapshots are of no use. */
  appliedIndex(): LogIndex;
}

/** A view keeps the store from dropping old data. */
const keepReadersFor = minutes(1);
const readersMax = 2;

export class SnapshotTransfer {
  readonly #clock: Clock;
  readonly #storage: Storage;
  readonly #checkpoints: Checkpoints;
  readonly #handlers: SnapshotTransferHandlers;
  /** Views of checkpoints that are being asked for, oldest first. */
  readonly #readers = new Map<string, SnapshotReader>();
  #idle: Timer | undefined;
  #assembler: SnapshotAssembler | undefined;
  #received = 0;
  #isInstalling = false;
  #stored: Promise<void> = Promise.resolve();

  constructor(ports: { clock: Clock; storage: Storage }, checkpoints: Checkpoints, handlers: SnapshotTransferHandlers) {
    this.#clock = ports.clock;
    this.#storage = ports.storage;
    this.#checkpoints = checkpoints;
    this.#handlers = handlers;
  }

  /** Entries must wait meanwhile: an install never races an apply (RAFT-CASES 17). */
  get isInstalling(): boolean {
    return this.#isInstalling;
  }

  async serve(asked: ServeChunk): Promise<void> {
    const { name, offset } = asked;
    const key = `${name.index} ${name.digest}`;
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      reader = SnapshotReader.open(name, this.#storage, this.#checkpoints);
      if (reader === undefined) return;
      this.#readers.set(key, reader);
      const [oldest] = this.#readers.keys();
      if (this.#readers.size > readersMax && oldest !== undefined) await this.#drop(oldest);
    }
    this.#idle?.cancel();
    this.#idle = this.#clock.after(keepReadersFor, "snapshot readers", () => void this.#dropAll());
    const chunk = await reader.chunk(offset);
    if (chunk !== undefined) this.#handlers.chunk(asked, chunk);
  }

  /** Chunks are handled one after the other, in the order in which they came. */
  store(effect: Extract<RaftEffect, { kind: "store-chunk" }>): Promise<void> {
    this.#stored = this.#stored.then(() => this.#store(effect));
    return this.#stored;
  }

  async stop(): Promise<void> {
    this.#idle?.cancel();
    await this.#dropAll();
  }

  async #store({ name, offset, data, isLast, voters }: Extract<RaftEffect, { kind: "store-chunk" }>): Promise<void> {
    if (offset === 0) {
      this.#assembler = new SnapshotAssembler(name);
      this.#received = 0;
      await this.#checkpoints.beginReceiving();
    }
    const assembler = this.#assembler;
    if (assembler === undefined || !isSameName(assembler.name, name) || assembler.offset !== offset) {
      return this.#fail(name, "its chunks do not follow each other");
    }
    const cells = assembler.add(data);
    if (cells === undefined) return this.#fail(name, "a chunk is unreadable");
    this.#received += data.length;
    await this.#checkpoints.receive(cells);
    if (!isLast) return;
    if (!assembler.isWhole) return this.#fail(name, "it ends in the middle of a cell");
    await this.#install(name, voters);
  }

  async #install(name: SnapshotName, voters: Voters): Promise<void> {
    if (name.index <= this.#handlers.appliedIndex()) return this.#fail(name, "it is older than what is applied here");
    this.#assembler = undefined;
    this.#isInstalling = true;
    try {
      const state = await this.#checkpoints.install(name, voters, this.#received);
      this.#isInstalling = false;
      this.#handlers.installed(name, voters, state);
    } catch (cause) {
      this.#isInstalling = false;
      this.#fail(name, cause instanceof Error ? cause.message : String(cause));
    }
  }

  #fail(name: SnapshotName, reason: string): void {
    this.#assembler = undefined;
    this.#handlers.failed(name, reason);
  }

  async #dropAll(): Promise<void> {
    for (const key of [...this.#readers.keys()]) await this.#drop(key);
  }

  async #drop(key: string): Promise<void> {
    const reader = this.#readers.get(key);
    this.#readers.delete(key);
    await reader?.release();
  }
}

const isSameName = (a: SnapshotName, b: SnapshotName): boolean =>
  a.leader === b.leader && a.index === b.index && a.term === b.term && a.digest === b.digest;
