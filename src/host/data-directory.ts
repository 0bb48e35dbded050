// One device's data directory.
//
//   identity.json              who this is
//   lock/                      held while an agent runs
//   logs/<name>/               logs that outlive an incarnation: readings
//   incarnations/<id>/logs/    the Raft log of one incarnation
//   incarnations/<id>/storage/ its state
//
// A new incarnation is one replaced file: what belonged to the old one stays where it was and is thereby set aside.
//
// The lock is that of an empty LevelDB: fcntl or LockFileEx underneath, so the operating system drops it however the process
// ends, and a crash leaves nothing to clear away. Node has no such call of its own.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, isSkeinError, SkeinError } from "../base/errors.ts";
import { type Generation, type Incarnation, incarnation, isIncarnation } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import {
  type DataDirectory,
  type DataDirectoryIdentity,
  type DataDirectoryOrigin,
  type DataDirectoryUsage,
  incarnationLog,
  type NextIncarnation,
} from "../base/ports/data-directory.ts";
import type { LogFiles } from "../base/ports/log-file.ts";
import { ensureDirectory, errorCode } from "./disk-access.ts";
import { type DataDirectoryOwner, readIdentity, type StoredIdentity, writeIdentity } from "./identity-file.ts";
import { LevelStorage } from "./level-storage.ts";
import { DiskLogFiles } from "./log-file/disk-log-files.ts";
import { isOtherStorage, storageSerial } from "./storage-serial.ts";

const identityName = "identity.json";

/** What is open for one incarnation. */
interface OpenedStores {
  readonly logs: DiskLogFiles;
  readonly storage: LevelStorage;
}

/**
 * Fails with `data-directory-unusable` (naming path and cause, or whose it is instead), `data-directory-locked`, or
 * `disk-full`. `serialOf` names the storage underneath; another one in tests.
 */
export async function openDataDirectory(
  path: string,
  owner: DataDirectoryOwner,
  serialOf = storageSerial,
): Promise<HostDataDirectory> {
  let lock: LevelStorage | undefined;
  try {
    await ensureDirectory(path);
    await probe(path);
    lock = await openLock(join(path, "lock"));
    let { identity, origin } = await startIdentity(path, owner, await serialOf(path));
    let identityBytes = await writeIdentity(join(path, identityName), identity);
    let stores = await openStores(path, identity);
    if (stores === undefined) {
      [identity, origin] = [successor(identity), "damaged"];
      identityBytes += await writeIdentity(join(path, identityName), identity);
      stores = await openStores(path, identity);
      assert(stores !== undefined, "a store that is new is not damaged");
    }
    await removeOldest(path, identity);
    return new HostDataDirectory({ path, lock, identity, origin, stores, identityBytes });
  } catch (cause) {
    await lock?.close();
    throw unusable(path, cause);
  }
}

export class HostDataDirectory implements DataDirectory {
  readonly origin: DataDirectoryOrigin;
  readonly logFiles: LogFiles;
  readonly #path: string;
  readonly #lock: LevelStorage;
  readonly #lastingLogs: DiskLogFiles;
  #identity: StoredIdentity;
  #stores: OpenedStores;
  #identityBytes: number;
  /** Replacing a file syncs it and its directory. */
  #identitySyncs = 2;
  /** Of the incarnations before, in this start. */
  #earlierUsage: DataDirectoryUsage = { bytesWritten: 0, syncs: 0 };
  #ending: Promise<unknown> | undefined;

  /** Use `openDataDirectory`. */
  constructor(opened: {
    path: string;
    lock: LevelStorage;
    identity: StoredIdentity;
    origin: DataDirectoryOrigin;
    stores: OpenedStores;
    identityBytes: number;
  }) {
    this.#path = opened.path;
    this.#lock = opened.lock;
    this.#identity = opened.identity;
    this.origin = opened.origin;
    this.#stores = opened.stores;
    this.#identityBytes = opened.identityBytes;
    this.#lastingLogs = new DiskLogFiles(join(opened.path, "logs"));
    const logsOf = (name: string) => (name === incarnationLog ? this.#stores.logs : this.#lastingLogs);
    this.logFiles = {
      open: (name, options, recovered) => logsOf(name).open(name, options, recovered),
      setAside: (name) => logsOf(name).setAside(name),
    };
  }

  get identity(): DataDirectoryIdentity {
    return this.#identity;
  }

  get storage(): LevelStorage {
    return this.#stores.storage;
  }

  async saveGeneration(generation: Generation): Promise<void> {
    await this.#replaceIdentity({ ...this.#identity, generation });
  }

  async newIncarnation({ generation, was, fill }: NextIncarnation = {}): Promise<void> {
    const identity: StoredIdentity = {
      ...successor(this.#identity),
      ...(generation === undefined ? {} : { generation }),
      ...(was === undefined ? {} : { was }),
    };
    const stores = await openStores(this.#path, identity);
    assert(stores !== undefined, "a store that is new is not damaged");
    try {
      const { logs: logFiles, storage } = stores;
      await fill?.({ incarnation: identity.incarnation, logFiles, storage });
    } catch (cause) {
      // What is half made is removed at the next start: no identity names it.
      await Promise.all([stores.logs.close(), stores.storage.close()]);
      throw cause;
    }
    await this.#stores.logs.close();
    await this.#stores.storage.close();
    this.#earlierUsage = sum([this.#earlierUsage, ...usagesOf(this.#stores)]);
    this.#stores = stores;
    await this.#replaceIdentity(identity);
    await removeOldest(this.#path, identity);
  }

  /** Incarnations whose Raft log is still here, the newest first: for people. */
  setAside(): readonly { readonly incarnation: Incarnation; readonly logFiles: LogFiles }[] {
    return this.#identity.earlier
      .filter((earlier) => existsSync(join(this.#path, "incarnations", earlier, "logs", incarnationLog)))
      .map((earlier) => ({
        incarnation: earlier,
        logFiles: new DiskLogFiles(join(this.#path, "incarnations", earlier, "logs")),
      }));
  }

  usage(): DataDirectoryUsage {
    const identity = { bytesWritten: this.#identityBytes, syncs: this.#identitySyncs };
    return sum([identity, this.#earlierUsage, this.#lastingLogs.usage(), ...usagesOf(this.#stores)]);
  }

  async close(): Promise<void> {
    this.#ending ??= this.#end((part) => part.close());
    await this.#ending;
  }

  async abandon(): Promise<void> {
    this.#ending ??= this.#end((part) => part.abandon());
    await this.#ending;
  }

  async #end(how: (part: DiskLogFiles | LevelStorage) => Promise<void>): Promise<void> {
    const { logs, storage } = this.#stores;
    try {
      await Promise.all([this.#lastingLogs, logs, storage].map(how));
    } finally {
      await this.#lock.close();
    }
  }

  async #replaceIdentity(identity: StoredIdentity): Promise<void> {
    try {
      this.#identityBytes += await writeIdentity(join(this.#path, identityName), identity);
      this.#identitySyncs += 2;
      this.#identity = identity;
    } catch (cause) {
      throw unusable(this.#path, cause);
    }
  }
}

/** Before anything else is touched, so that what is wrong is said by the operating system itself. */
async function probe(path: string): Promise<void> {
  const file = join(path, "probe");
  try {
    await writeFile(file, Buffer.alloc(4_096), { flush: true });
  } finally {
    await rm(file, { force: true });
  }
}

async function startIdentity(path: string, { site, device }: DataDirectoryOwner, serial: string) {
  const owner = { site, device };
  const found = await readIdentity(join(path, identityName));
  if (found !== "damaged" && found?.owner !== undefined) checkOwner(path, found.owner, owner);
  // Whose state lies here cannot be told any more, but it is kept.
  const earlier = found === "damaged" ? (await readdir(join(path, "incarnations"))).filter(isIncarnation) : [];
  const fresh = {
    incarnation: incarnation(randomBytes(16)),
    session: 1,
    storageSerial: serial,
    owner,
    was: [],
    earlier,
  };
  let [identity, origin]: [StoredIdentity, DataDirectoryOrigin] = [fresh, "created"];
  if (found === "damaged") {
    origin = "damaged";
  } else if (found !== undefined) {
    const isCopy = isOtherStorage(found.storageSerial, serial);
    origin = isCopy ? "copied" : "found";
    identity = { ...(isCopy ? successor(found) : found), owner, session: found.session + 1 };
    // What was known once is kept: evidence that is out of reach today may be back tomorrow.
    if (isCopy || !found.storageSerial.includes(":")) identity = { ...identity, storageSerial: serial };
  }
  return { identity, origin };
}

function checkOwner(path: string, owner: DataDirectoryOwner, asked: DataDirectoryOwner): void {
  if (owner.device === asked.device && owner.site === asked.site) return;
  throw new SkeinError(
    "data-directory-unusable",
    `The data directory ${path} belongs to device ${owner.device} of site ${owner.site}, not to ${asked.device} of ${asked.site}: ` +
      "start it under that name, or give this device an empty directory",
  );
}

/** The next life of this directory. */
function successor(identity: StoredIdentity): StoredIdentity {
  const was = [identity.incarnation, ...identity.was].slice(0, limits.incarnationsInherited);
  const earlier = [identity.incarnation, ...identity.earlier].slice(0, limits.incarnationsSetAside);
  return { ...identity, incarnation: incarnation(randomBytes(16)), was, earlier };
}

/** Undefined: the state cannot be opened any more, and stays where it is. */
async function openStores(path: string, identity: StoredIdentity): Promise<OpenedStores | undefined> {
  const directory = join(path, "incarnations", identity.incarnation);
  const logs = new DiskLogFiles(join(directory, "logs"));
  try {
    return { logs, storage: await LevelStorage.open(join(directory, "storage")) };
  } catch (cause) {
    if (isSkeinError(cause, "state-damaged")) return undefined;
    throw cause;
  }
}

/** There is nothing in it but the lock, so a damaged one is made anew. */
async function openLock(path: string): Promise<LevelStorage> {
  try {
    return await LevelStorage.open(path);
  } catch (cause) {
    if (!isSkeinError(cause, "state-damaged")) throw cause;
    await rm(path, { recursive: true });
    return await LevelStorage.open(path);
  }
}

/** Also what a crash in the middle of a change left behind. */
async function removeOldest(path: string, identity: StoredIdentity): Promise<void> {
  const kept = new Set<string>([identity.incarnation, ...identity.earlier]);
  for (const name of await readdir(join(path, "incarnations"))) {
    if (!kept.has(name)) await rm(join(path, "incarnations", name), { recursive: true });
  }
}

const usagesOf = ({ logs, storage }: OpenedStores): DataDirectoryUsage[] => [logs.usage(), storage];

function sum(usages: readonly DataDirectoryUsage[]): DataDirectoryUsage {
  return {
    bytesWritten: usages.reduce((total, usage) => total + usage.bytesWritten, 0),
    syncs: usages.reduce((total, usage) => total + usage.syncs, 0),
  };
}

const explanations: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist and cannot be created there",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the file system is mounted read-only",
  ENOSPC: "the file system is full",
  ENOTDIR: "a part of the path is a file, not a directory",
  EEXIST: "it is a file, not a directory",
};

function unusable(path: string, cause: unknown): SkeinError {
  if (isSkeinError(cause, "data-directory-unusable")) return cause;
  if (isSkeinError(cause, "data-directory-locked")) {
    return new SkeinError("data-directory-locked", `Another agent is using ${path}: stop it first`, cause);
  }
  const origin = isSkeinError(cause) && cause.cause !== undefined ? cause.cause : cause;
  const code = isSkeinError(cause, "disk-full") ? "ENOSPC" : errorCode(origin);
  if (code === "" && !isSkeinError(cause)) throw cause;
  const why = explanations[code] ?? (cause instanceof Error ? cause.message : code);
  return new SkeinError(
    "data-directory-unusable",
    `The data directory ${path} cannot be used: ${why} (${code})`,
    cause,
  );
}
