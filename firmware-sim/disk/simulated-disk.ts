// One device's simulated disk: the twin of src/host/data-directory.ts, with faults.
//
// `crash()` is the power cut: what was not synced is gone, the old disk's callbacks never come, and the disk that it returns
// is the same card in the next life of the device.

import { SkeinError } from "../../src/base/errors.ts";
import { type Generation, type Incarnation, incarnation } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import {
  type DataDirectory,
  type DataDirectoryIdentity,
  type DataDirectoryOrigin,
  incarnationLog,
} from "../../src/base/ports/data-directory.ts";
import type { LogFileOptions, LogFiles, LogPosition, LogRecord, LogRecovery } from "../../src/base/ports/log-file.ts";
import type { Random } from "../../src/base/ports/random.ts";
import { milliseconds } from "../../src/base/units.ts";
import { checkedOptions } from "../../src/host/log-file/log-bounds.ts";
import type { VirtualTime } from "../virtual-clock.ts";
import { type DeviceOptions, SimulatedDevice } from "./device.ts";
import { damageBatch, emptyLog, type LogContent, recoverContent } from "./log-content.ts";
import { SimulatedLogFile } from "./simulated-log-file.ts";
import { SimulatedStorage, type StorageContent } from "./simulated-storage.ts";

export interface SimulatedDiskOptions extends DeviceOptions {
  /** The card's serial. */
  readonly serial: string;
}

/** A card that syncs within 0.2 to 2 ms. */
export const usualDisk: SimulatedDiskOptions = {
  syncLatencyMin: milliseconds(0.2),
  syncLatencyMax: milliseconds(2),
  readLatency: milliseconds(0.1),
  serial: "cid:simulated",
};

interface IncarnationContent {
  logs: Map<string, LogContent>;
  storage: StorageContent;
}

/** Everything that survives a power cut. */
interface DiskContent {
  identity: DataDirectoryIdentity | undefined;
  lastingLogs: Map<string, LogContent>;
  incarnations: Map<Incarnation, IncarnationContent>;
}

export class SimulatedDisk {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #options: SimulatedDiskOptions;
  readonly #device: SimulatedDevice;
  readonly #content: DiskContent;

  constructor(time: VirtualTime, random: Random, options: SimulatedDiskOptions = usualDisk, content?: DiskContent) {
    this.#time = time;
    this.#random = random;
    this.#options = options;
    this.#device = new SimulatedDevice(time, random, options);
    this.#content = content ?? { identity: undefined, lastingLogs: new Map(), incarnations: new Map() };
  }

  /** Logs alone, without a data directory around them. */
  get logFiles(): LogFiles {
    return logFilesOf(this.#device, () => this.#content.lastingLogs);
  }

  /** A storage alone, without a data directory around it; the same content each time. */
  openStorage(): SimulatedStorage {
    return new SimulatedStorage(this.#device, this.#incarnation(loneStorage).storage);
  }

  /** Raises the session, as the real one does. */
  openDataDirectory(): Promise<DataDirectory> {
    const { identity, origin } = this.#startIdentity();
    return new Promise((resolve, reject) => {
      this.#saveIdentity(identity, (failure) => {
        if (failure === undefined) resolve(this.#directory(identity, origin));
        else reject(failure);
      });
    });
  }

  /** Nothing ends any more, until `resume`. */
  hang(): void {
    this.#device.hang();
  }

  resume(): void {
    this.#device.resume();
  }

  /** Only reserved segments can still be written. */
  fill(): void {
    this.#device.isFull = true;
  }

  makeRoom(): void {
    this.#device.isFull = false;
  }

  /** Every write fails from now on. */
  fail(): void {
    this.#device.fail();
  }

  /** Rot in the batch of the log `name` that holds `position`. */
  damageLog(name: string, position: LogPosition): void {
    const current = this.#content.identity?.incarnation;
    const logs = name === incarnationLog && current !== undefined ? this.#incarnation(current).logs : undefined;
    const log = (logs ?? this.#content.lastingLogs).get(name);
    if (log === undefined || !damageBatch(log, position)) throw new Error(`No position ${position} in ${name}`);
  }

  /** Rot in the value of `key` in the present incarnation's storage. */
  damageStorage(key: string): void {
    const { cells } = this.#incarnation(this.#content.identity?.incarnation ?? loneStorage).storage;
    const value = cells.get(key);
    if (value === undefined || value.length === 0) throw new Error(`No bytes under ${key}`);
    const rotten = new Uint8Array(value);
    rotten[0] = (rotten[0] ?? 0) ^ 0xff;
    cells.set(key, rotten);
  }

  /** The power cut. */
  crash(): SimulatedDisk {
    this.#device.cutPower();
    return new SimulatedDisk(this.#time, this.#random, this.#options, this.#content);
  }

  /** What is on this card now, on another card (of `serial`), as if the power had been cut for copying. */
  copy(serial: string): SimulatedDisk {
    return new SimulatedDisk(this.#time, this.#random, { ...this.#options, serial }, structuredClone(this.#content));
  }

  #incarnation(id: Incarnation): IncarnationContent {
    let content = this.#content.incarnations.get(id);
    if (content === undefined) {
      content = { logs: new Map(), storage: { cells: new Map() } };
      this.#content.incarnations.set(id, content);
    }
    return content;
  }

  #startIdentity(): { identity: DataDirectoryIdentity; origin: DataDirectoryOrigin } {
    const { serial } = this.#options;
    const found = this.#content.identity;
    const fresh = incarnation(this.#random.bytes(16));
    if (found === undefined) {
      return { identity: { incarnation: fresh, session: 1, storageSerial: serial, was: [] }, origin: "created" };
    }
    const session = found.session + 1;
    if (found.storageSerial === serial) return { identity: { ...found, session }, origin: "found" };
    const was = [found.incarnation, ...found.was];
    return { identity: { ...found, session, storageSerial: serial, incarnation: fresh, was }, origin: "copied" };
  }

  #saveIdentity(identity: DataDirectoryIdentity, done: (failure?: SkeinError) => void): void {
    if (this.#device.isFull) {
      const full = new SkeinError("data-directory-unusable", "The simulated data directory: the file system is full");
      this.#device.soon("identity: refused", () => done(full));
      return;
    }
    const apply = () => {
      this.#content.identity = identity;
    };
    this.#device.write(200, { name: "identity: replace", apply, done });
  }

  #directory(opened: DataDirectoryIdentity, origin: DataDirectoryOrigin): DataDirectory {
    const device = this.#device;
    // Of this life: what a later one stores in the same content is not seen here.
    let identity = opened;
    const contentNow = () => this.#incarnation(identity.incarnation);
    let storage = new SimulatedStorage(device, contentNow().storage);
    const save = (next: DataDirectoryIdentity) =>
      new Promise<void>((resolve, reject) => {
        this.#saveIdentity(next, (failure) => {
          if (failure !== undefined) {
            reject(failure);
            return;
          }
          identity = next;
          resolve();
        });
      });
    return {
      get identity() {
        return identity;
      },
      origin,
      logFiles: logFilesOf(device, (name) => (name === incarnationLog ? contentNow().logs : this.#content.lastingLogs)),
      get storage() {
        return storage;
      },
      saveGeneration: (generation: Generation) => save({ ...identity, generation }),
      newIncarnation: async ({ generation, was, fill } = {}) => {
        const next = incarnation(this.#random.bytes(16));
        const content = this.#incarnation(next);
        const fresh = new SimulatedStorage(device, content.storage);
        await fill?.({ incarnation: next, logFiles: logFilesOf(device, () => content.logs), storage: fresh });
        await storage.close();
        const inherited = was ?? [identity.incarnation, ...identity.was].slice(0, limits.incarnationsInherited);
        const chosen = generation === undefined ? {} : { generation };
        await save({ ...identity, ...chosen, was: inherited, incarnation: next });
        storage = fresh;
      },
      usage: () => ({ bytesWritten: device.bytesWritten, syncs: device.syncs }),
      close: () => storage.close(),
      abandon: async () => {
        device.cutPower();
        await Promise.resolve();
      },
    };
  }
}

const loneStorage = "0".repeat(32) as Incarnation;

function logFilesOf(device: SimulatedDevice, logsOf: (name: string) => Map<string, LogContent>): LogFiles {
  return {
    open: async (name: string, options: LogFileOptions, recovered: (record: LogRecord) => void) => {
      const checked = checkedOptions(name, options);
      return await new Promise<{ log: SimulatedLogFile; recovery: LogRecovery }>((resolve, reject) => {
        device.read(`${name}: open`, () => {
          const logs = logsOf(name);
          const content = logs.get(name) ?? emptyLog();
          const { damagedAt, cutTail } = recoverContent(content);
          if (damagedAt !== undefined) {
            reject(new SkeinError("log-damaged", `${name} at position ${damagedAt}: simulated rot`));
            return;
          }
          if (!logs.has(name) && device.isFull) {
            reject(new SkeinError("disk-full", `${name}: the simulated disk is full`));
            return;
          }
          logs.set(name, content);
          for (const { batches } of content.segments) {
            for (const { first, payloads } of batches) {
              for (const [i, payload] of payloads.entries()) {
                recovered({ position: first + i, payload: new Uint8Array(payload) });
              }
            }
          }
          const [oldest] = content.segments;
          const description = oldest === undefined ? undefined : new Uint8Array(oldest.description);
          const log = new SimulatedLogFile(name, checked, device, content);
          resolve({ log, recovery: { description, first: oldest?.first ?? log.next, next: log.next, cutTail } });
        });
      });
    },
    setAside: (name) =>
      new Promise((resolve) => {
        device.read(`${name}: set aside`, () => {
          logsOf(name).delete(name);
          resolve();
        });
      }),
  };
}
