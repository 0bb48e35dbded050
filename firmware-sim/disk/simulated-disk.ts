// One device's simulated disk: the twin of src/host/data-directory.ts, with faults.
//
// `crash()` is the power cut: what was not synced is gone, the old disk's callbacks never come, and the disk that it returns
// is the same card in the next life of the device. A card that is wiped or written back goes through a power cut, too.

import { SkeinError } from "../../src/base/errors.ts";
import { type Generation, incarnation } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import {
  type DataDirectory,
  type DataDirectoryIdentity,
  type DataDirectoryOrigin,
  incarnationLog,
} from "../../src/base/ports/data-directory.ts";
import type { LogFiles, LogPosition, LogRecord } from "../../src/base/ports/log-file.ts";
import type { Random } from "../../src/base/ports/random.ts";
import { milliseconds } from "../../src/base/units.ts";
import type { DeviceGate } from "../device-gate.ts";
import type { VirtualTime } from "../virtual-clock.ts";
import {
  type CardContent,
  emptyCard,
  incarnationContent,
  presentLog,
  type Rot,
  rotAgreement,
  rotAnywhere,
  rotCell,
  rotLog,
  rotReadings,
} from "./card-content.ts";
import { type CardUsage, type DiskLatency, SimulatedDevice, type SyncedHook } from "./device.ts";
import { readableRecords } from "./log-content.ts";
import { simulatedLogFiles } from "./simulated-log-files.ts";
import { SimulatedStorage } from "./simulated-storage.ts";

export interface SimulatedDiskOptions extends DiskLatency {
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

/** What was on a card at some time. */
export interface CardBackup {
  readonly content: CardContent;
}

export class SimulatedDisk {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #options: SimulatedDiskOptions;
  readonly #device: SimulatedDevice;
  readonly #content: CardContent;
  readonly #usage: CardUsage;

  constructor(
    time: VirtualTime,
    random: Random,
    options: SimulatedDiskOptions = usualDisk,
    card: { content: CardContent; usage: CardUsage } = { content: emptyCard(), usage: { bytesWritten: 0, syncs: 0 } },
  ) {
    this.#time = time;
    this.#random = random;
    this.#options = options;
    this.#content = card.content;
    this.#usage = card.usage;
    this.#device = new SimulatedDevice({ time, random }, { serial: options.serial, usage: card.usage }, options);
  }

  get serial(): string {
    return this.#options.serial;
  }

  /** Of the machine that the card is in, which may be suspended; the next life's, too. */
  set gate(gate: DeviceGate | undefined) {
    this.#device.gate = gate;
  }

  /** Called for each record of a log once its sync has returned, before the one who appended it hears so; in every life. */
  set onSynced(hook: SyncedHook | undefined) {
    this.#device.onSynced = hook;
  }

  /** What the card took, over all its lives; a wiped or written-back card goes on counting. */
  get usage(): Readonly<CardUsage> {
    return this.#usage;
  }

  /** Logs alone, without a data directory around them. */
  get logFiles(): LogFiles {
    return simulatedLogFiles(this.#device, () => this.#content.lastingLogs);
  }

  /** A storage alone, without a data directory around it; the same content each time. */
  openStorage(): SimulatedStorage {
    return new SimulatedStorage(this.#device, incarnationContent(this.#content).storage);
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

  /** What it was told to do badly, for who looks. */
  get troubles(): { readonly isFull: boolean; readonly isHung: boolean; readonly latency: DiskLatency } {
    const { isFull, isHung, latency } = this.#device;
    return { isFull, isHung, latency };
  }

  /** Nothing ends any more, until `resume`. */
  hang(): void {
    this.#device.hang();
  }

  resume(): void {
    this.#device.resume();
  }

  /** Only reserved segments can still be written; also after a power cut. */
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

  /** Slow syncs, or usual ones again: of what is written from now on, also after a power cut. */
  setLatency(latency: Partial<DiskLatency>): void {
    this.#device.latency = { ...this.#device.latency, ...latency };
  }

  /** Rot in the batch of the log `name` that holds `position`. */
  damageLog(name: string, position: LogPosition): void {
    rotLog(this.#content, name, position);
  }

  /** Rot in the value of `key` in the present incarnation's storage. */
  damageStorage(key: string): void {
    rotCell(this.#content, key);
  }

  /** Rot at rest somewhere in the Raft log, the readings or the storage: what it hit; undefined where nothing is stored. */
  rot(random: Random): Rot | undefined {
    return rotAnywhere(this.#content, random);
  }

  /** As `rot`, of the Raft log or the storage alone, and only where the next start finds it. */
  rotAgreement(random: Random): Rot | undefined {
    return rotAgreement(this.#content, random);
  }

  /** As `rotAgreement`, of the readings alone. */
  rotReadings(random: Random): Rot | undefined {
    return rotReadings(this.#content, random);
  }

  /** The session that its identity bears; undefined: the card was never used. */
  get session(): number | undefined {
    return this.#content.identity?.session;
  }

  /** Everything that a power cut now would leave in the log `name`, for who checks; without what rotted. Copies. */
  durableRecords(name: string): readonly LogRecord[] {
    const log = presentLog(this.#content, name);
    const records = log === undefined ? [] : readableRecords(log);
    return records.map(({ position, payload }) => ({ position, payload: new Uint8Array(payload) }));
  }

  /** The power cut. */
  crash(): SimulatedDisk {
    return this.#next(this.#content);
  }

  /** The power cut, and then the card is formatted, or one of another `serial` takes its place in the same machine. */
  wiped(serial = this.serial): SimulatedDisk {
    return this.#next(emptyCard(), serial);
  }

  /** What is on the card now, as if the power had been cut for copying. */
  backup(): CardBackup {
    return { content: structuredClone(this.#content) };
  }

  /** The power cut, and then what was on the card once is written back onto the same card. */
  restored({ content }: CardBackup): SimulatedDisk {
    return this.#next(structuredClone(content));
  }

  /** What is on this card now, on another card (of `serial`), as if the power had been cut for copying. */
  copy(serial: string): SimulatedDisk {
    const { content } = this.backup();
    const usage = { bytesWritten: 0, syncs: 0 };
    return new SimulatedDisk(this.#time, this.#random, { ...this.#options, serial }, { content, usage });
  }

  #next(content: CardContent, serial = this.serial): SimulatedDisk {
    this.#device.cutPower();
    const { latency, gate, onSynced, isFull } = this.#device;
    const usage = serial === this.serial ? this.#usage : { bytesWritten: 0, syncs: 0 };
    const options = { ...latency, serial };
    const next = new SimulatedDisk(this.#time, this.#random, options, { content, usage });
    next.gate = gate;
    next.onSynced = onSynced;
    if (isFull && content === this.#content) next.fill();
    return next;
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
    const contentNow = () => incarnationContent(this.#content, identity.incarnation);
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
      logFiles: simulatedLogFiles(device, (name) =>
        name === incarnationLog ? contentNow().logs : this.#content.lastingLogs,
      ),
      get storage() {
        return storage;
      },
      saveGeneration: (generation: Generation) => save({ ...identity, generation }),
      newIncarnation: async ({ generation, was, fill } = {}) => {
        const next = incarnation(this.#random.bytes(16));
        const content = incarnationContent(this.#content, next);
        const fresh = new SimulatedStorage(device, content.storage);
        // Its records are told of no one: they count once this incarnation is the present one, and it is read from the start.
        const logFiles = simulatedLogFiles(device, () => content.logs, { isTold: false });
        await fill?.({ incarnation: next, logFiles, storage: fresh });
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
