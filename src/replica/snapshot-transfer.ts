// Sending and receiving snapshots: the disk work behind the core's `serve-chunk` and `store-chunk`.

import { isSkeinError, type SkeinError } from "../base/errors.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import { type LogIndex, minutes } from "../base/units.ts";
import type { RaftEffect, SnapshotName, Voters } from "../raft/types.ts";
import type { SiteState } from "../site/state.ts";
import { type Chunk, type ServedCheckpoints, SnapshotAssembler, SnapshotReader } from "./snapshots.ts";

type ServeChunk = Extract<RaftEffect, { kind: "serve-chunk" }>;
type StoreChunk = Extract<RaftEffect, { kind: "store-chunk" }>;

export interface SnapshotTransferHandlers {
  chunk(asked: ServeChunk, chunk: Chunk): void;
  /** The named checkpoint is not there any more. */
  gone(name: SnapshotName): void;
  /** Current on disk; the state in memory is to be replaced by `state`. */
  installed(name: SnapshotName, voters: Voters, state: SiteState): void;
  /** Not installed; nothing has changed. */
  rejected(name: SnapshotName, reason: string): void;
  /** The disk failed. */
  failed(failure: SkeinError): void;
  /** The state machine stands here: older snapshots are of no use. */
  appliedIndex(): LogIndex;
  /** Resolves when no checkpoint of the present state is on its way to the disk. */
  checkpointsSettled(): Promise<void>;
}

/** A view keeps the store from dropping old data. */
const keepReadersFor = minutes(1);
const readersMax = 2;

export class SnapshotTransfer {
  readonly #clock: Clock;
  readonly #served: ServedCheckpoints;
  readonly #handlers: SnapshotTransferHandlers;
  /** Views of checkpoints that are being asked for, oldest first. */
  readonly #readers = new Map<string, Promise<SnapshotReader | undefined>>();
  #idle: Timer | undefined;
  #assembler: SnapshotAssembler | undefined;
  #received = 0;
  #isInstalling = false;
  #isStopped = false;
  #stored: Promise<void> = Promise.resolve();

  constructor(clock: Clock, served: ServedCheckpoints, handlers: SnapshotTransferHandlers) {
    this.#clock = clock;
    this.#served = served;
    this.#handlers = handlers;
  }

  /** Entries must wait meanwhile: an install never races an apply (RAFT-CASES 17). */
  get isInstalling(): boolean {
    return this.#isInstalling;
  }

  async serve(asked: ServeChunk): Promise<void> {
    if (this.#isStopped) return;
    this.#idle?.cancel();
    this.#idle = this.#clock.after(keepReadersFor, "snapshot readers", () => void this.#dropAll());
    const reader = await this.#reader(asked.name);
    const chunk = await reader?.chunk(asked.offset);
    if (this.#isStopped) return;
    if (reader === undefined) this.#handlers.gone(asked.name);
    else if (chunk !== undefined) this.#handlers.chunk(asked, chunk);
  }

  /** Chunks are handled one after the other, in the order in which they came. */
  store(effect: StoreChunk): void {
    this.#stored = this.#stored.then(async () => {
      if (this.#isStopped) return;
      try {
        await this.#store(effect);
      } catch (cause) {
        this.#isInstalling = false;
        if (isSkeinError(cause, "disk-failed") && !this.#isStopped) this.#handlers.failed(cause);
        this.#reject(effect.name, cause instanceof Error ? cause.message : String(cause));
      }
    });
  }

  /** Resolves when nothing of it touches the storage any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#idle?.cancel();
    await this.#stored;
    await this.#dropAll();
  }

  async #store({ name, offset, data, isLast, voters }: StoreChunk): Promise<void> {
    if (offset === 0) {
      this.#assembler = new SnapshotAssembler(name);
      this.#received = 0;
      await this.#served.checkpoints.beginReceiving();
    }
    const assembler = this.#assembler;
    if (assembler === undefined || !isSameName(assembler.name, name) || assembler.offset !== offset) {
      return this.#reject(name, "its chunks do not follow each other");
    }
    const cells = assembler.add(data);
    if (cells === undefined) return this.#reject(name, "a chunk is unreadable");
    this.#received += data.length;
    await this.#served.checkpoints.receive(cells);
    if (!isLast) return;
    if (!assembler.isWhole) return this.#reject(name, "it ends in the middle of a cell");
    await this.#install(name, voters);
  }

  async #install(name: SnapshotName, voters: Voters): Promise<void> {
    if (name.index <= this.#handlers.appliedIndex()) return this.#reject(name, "it is older than what is applied here");
    this.#assembler = undefined;
    this.#isInstalling = true;
    await this.#handlers.checkpointsSettled();
    const state = await this.#served.checkpoints.install(name, voters, this.#received);
    this.#isInstalling = false;
    if (!this.#isStopped) this.#handlers.installed(name, voters, state);
  }

  #reject(name: SnapshotName, reason: string): void {
    this.#assembler = undefined;
    if (!this.#isStopped) this.#handlers.rejected(name, reason);
  }

  async #reader(name: SnapshotName): Promise<SnapshotReader | undefined> {
    const key = `${name.index} ${name.digest}`;
    const known = this.#readers.get(key);
    if (known !== undefined) return known;
    const opening = SnapshotReader.open(name, this.#served);
    this.#readers.set(key, opening);
    let reader: SnapshotReader | undefined;
    try {
      const [oldest] = this.#readers.keys();
      if (this.#readers.size > readersMax && oldest !== undefined) await this.#drop(oldest);
      reader = await opening;
    } finally {
      if (reader === undefined && this.#readers.get(key) === opening) this.#readers.delete(key);
    }
    return reader;
  }

  async #dropAll(): Promise<void> {
    for (const key of [...this.#readers.keys()]) await this.#drop(key);
  }

  async #drop(key: string): Promise<void> {
    const reader = this.#readers.get(key);
    this.#readers.delete(key);
    const opened = await reader?.catch(() => undefined);
    await opened?.release();
  }
}

const isSameName = (a: SnapshotName, b: SnapshotName): boolean =>
  a.leader === b.leader && a.index === b.index && a.term === b.term && a.digest === b.digest;
