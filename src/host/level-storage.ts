// Ordered keys and values in LevelDB (docs/decisions/0002-storage.md).
//
// Small buffers: fifty of these share one process in the live simulation. After any failed write LevelDB refuses all later
// ones until it is opened again, also when there is room again; so it is opened again before the next operation.

import { ClassicLevel } from "classic-level";
import { SkeinError } from "../base/errors.ts";
import type { Storage, StorageChange, StorageRange, StorageSnapshot } from "../base/ports/storage.ts";
import { diskFailure, ensureDirectory } from "./disk-access.ts";

type Database = ClassicLevel<string, Uint8Array>;
type Snapshot = ReturnType<Database["snapshot"]>;

const tuning = {
  keyEncoding: "utf8",
  valueEncoding: "view",
  // Two of these may be in memory. Larger ones save little: a checkpoint is some 30 KB.
  writeBufferSize: 256 * 1024,
  cacheSize: 256 * 1024,
  maxOpenFiles: 64,
  maxFileSize: 1024 * 1024,
} as const;

/** Keys removed by one synced batch of `clear`. */
const clearPage = 500;

export class LevelStorage implements Storage {
  readonly #directory: string;
  #database: Database;
  /** Writes go one after the other, so that a failed one is followed by a new opening before the next. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  #isBroken = false;
  #isClosed = false;
  #isAbandoned = false;
  #bytesWritten = 0;
  #syncs = 0;

  private constructor(directory: string, database: Database) {
    this.#directory = directory;
    this.#database = database;
  }

  /** Creates `directory`. Fails with `data-directory-locked`, `state-damaged`, `disk-full` or `disk-failed`. */
  static async open(directory: string): Promise<LevelStorage> {
    await ensureDirectory(directory).catch((cause: unknown) => {
      throw diskFailure("creating", directory, cause);
    });
    return new LevelStorage(directory, await openDatabase(directory));
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Batches synced since opening; LevelDB's own compactions come on top. */
  get syncs(): number {
    return this.#syncs;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return await this.#reading((database) => database.get(key));
  }

  async page(range: StorageRange, limit: number): Promise<[string, Uint8Array][]> {
    return await this.#reading((database) => entries(database, range, limit));
  }

  write(changes: readonly StorageChange[]): Promise<void> {
    let bytes = 0;
    const batch = changes.map((change) => {
      bytes += change.key.length;
      if (change.kind === "delete") return { type: "del", key: change.key } as const;
      bytes += change.value.length;
      // Writes wait for the one before, and the caller may change its buffer meanwhile.
      return { type: "put", key: change.key, value: new Uint8Array(change.value) } as const;
    });
    return this.#inTurn(async () => {
      const database = await this.#usable();
      try {
        await database.batch(batch, { sync: true });
      } catch (cause) {
        this.#isBroken = true;
        throw failureOf("writing", this.#directory, cause);
      }
      this.#bytesWritten += bytes;
      this.#syncs += 1;
    });
  }

  async clear(range: StorageRange): Promise<void> {
    for (;;) {
      const keys = await this.#reading((database) =>
        database.keys({ gte: range.from, lt: range.to, limit: clearPage }).all(),
      );
      if (keys.length === 0) return;
      await this.write(keys.map((key) => ({ kind: "delete", key })));
    }
  }

  snapshot(): StorageSnapshot {
    const database = this.#database;
    const snapshot = database.snapshot();
    const reading = async <T>(read: () => Promise<T>): Promise<T> => {
      try {
        return await read();
      } catch (cause) {
        throw failureOf("reading", this.#directory, cause);
      }
    };
    return {
      get: (key) => reading(() => database.get(key, { snapshot })),
      page: (range, limit) => reading(() => entries(database, range, limit, snapshot)),
      release: () => snapshot.close(),
    };
  }

  /** Waits for the writes. */
  async close(): Promise<void> {
    await this.#lastWrite;
    this.#isClosed = true;
    await this.#database.close();
  }

  /** What waits is dropped and never answered; what was being written is there whole or not at all. LevelDB's closing flushes nothing. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true;
    await this.#lastWrite;
    await this.#database.close();
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const begun = this.#lastWrite.then(() => (this.#isAbandoned ? undefined : { result: task() }));
    this.#lastWrite = begun.then((turn) => turn?.result).catch(() => undefined);
    return new Promise((resolve, reject) => {
      begun.then((turn) => turn?.result.then(resolve, reject)).catch(reject);
    });
  }

  async #reading<T>(read: (database: Database) => Promise<T>): Promise<T> {
    if (this.#isBroken) await this.#inTurn(() => this.#usable());
    try {
      return await read(this.#database);
    } catch (cause) {
      throw failureOf("reading", this.#directory, cause);
    }
  }

  async #usable(): Promise<Database> {
    if (this.#isClosed) throw new SkeinError("disk-failed", `The store in ${this.#directory} is closed`);
    if (!this.#isBroken) return this.#database;
    await this.#database.close();
    this.#database = await openDatabase(this.#directory);
    this.#isBroken = false;
    return this.#database;
  }
}

async function openDatabase(directory: string): Promise<Database> {
  const database: Database = new ClassicLevel(directory, tuning);
  try {
    await database.open();
  } catch (cause) {
    throw failureOf("opening", directory, cause);
  }
  return database;
}

function entries(database: Database, range: StorageRange, limit: number, snapshot?: Snapshot) {
  const bounds = { gte: range.from, lt: range.to, limit };
  return database.iterator(snapshot === undefined ? bounds : { ...bounds, snapshot }).all();
}

function failureOf(what: string, directory: string, cause: unknown): SkeinError {
  const chain = [cause, cause instanceof Error ? cause.cause : undefined].filter((error) => error instanceof Error);
  const text = chain.map((error) => error.message).join(": ");
  if (chain.some((error) => "code" in error && error.code === "LEVEL_LOCKED")) {
    return new SkeinError("data-directory-locked", `${directory} is in use by another agent: stop it first`, cause);
  }
  if (/Corruption|LEVEL_CORRUPTION/.test(text)) {
    return new SkeinError("state-damaged", `${what} ${directory}: ${text}`, cause);
  }
  const isFull = /No space left on device|ENOSPC|Disk quota exceeded|EDQUOT/.test(text);
  if (isFull) return new SkeinError("disk-full", `${what} ${directory}: no room left; free some space`, cause);
  return new SkeinError("disk-failed", `${what} ${directory}: ${text}`, cause);
}
