// The readings of one device, from its sensors to the coordinator; and, while it is coordinator, from everybody's partials to
// the log. The protocol is PROTOCOLS.md, "Counting each reading once".

import { isSkeinError, SkeinError } from "../base/errors.ts";
import { type MemberKey, memberKey, type SensorId } from "../base/ids.ts";
import type { Driver } from "../base/ports/driver.ts";
import type { SiteTime } from "../base/units.ts";
import { isAssigned } from "../readings/fold.ts";
import { Gatherer } from "../readings/gatherer.ts";
import { PartialSender } from "../readings/partial-sender.ts";
import { partialBytes } from "../readings/partial-size.ts";
import type { StoredReading } from "../readings/reading-log.ts";
import { ReadingStore } from "../readings/reading-store.ts";
import { type SampledSensor, Sampler, type SensorStatus } from "../readings/sampler.ts";
import type { CountMove } from "../readings/types.ts";
import { type Partial, quality } from "../readings/types.ts";
import type { Replica } from "../replica/replica.ts";
import type { SiteClock } from "../replica/site-time.ts";
import type { SensorConfiguration } from "../site/configuration.ts";
import type { Touched } from "../site/types.ts";
import type { Life } from "./life.ts";
import type { AgentPorts } from "./ports.ts";

export interface CountingOptions {
  readonly life: Life;
  readonly siteClock: SiteClock;
  readonly replica: Replica;
  /** To the coordinator; false when there is no way to it. */
  send(to: MemberKey, partial: Partial): boolean;
  /** The log has counted other readings under this device's numbers; `set-aside`: also such as the card never had. */
  notMyReadings(detail: string, readings: "kept" | "set-aside"): void;
  failed(failure: SkeinError): void;
}

/** For status. */
export interface CountingFigures {
  readonly taken: number;
  readonly missing: number;
  readonly counted: number;
  readonly uncounted: number;
  readonly stopped: string | undefined;
}

export class Counting {
  readonly #ports: AgentPorts;
  readonly #options: CountingOptions;
  readonly #self: MemberKey;
  readonly #sampler: Sampler;
  readonly #gatherer: Gatherer;
  #store: ReadingStore | undefined;
  #sender: PartialSender | undefined;
  /** Of the readings taken in this session, and before. */
  #missing = 0;
  #isHeld = false;
  #isSampling = false;

  constructor(ports: AgentPorts, options: CountingOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#self = memberKey(options.life.self);
    const { replica, siteClock } = options;
    this.#sampler = new Sampler({
      clock: ports.clock,
      siteTime: () => this.#stamp(),
      add: (sensor, value, flags, stamp) => this.#store?.add(sensor, value, flags, stamp) ?? false,
      isAssigned: (sensor, stamp) => isAssigned(replica.state.definitions, options.life.self.device, sensor, stamp),
      faulty: (sensor, failure) => ports.logger.warn({ sensor, why: failure.message }, "a sensor gives no reading"),
    });
    this.#gatherer = new Gatherer({
      clock: ports.clock,
      counted: (origin) => this.#countedOf(origin),
      definitions: () => replica.state.definitions,
      siteTime: () => siteClock.now(),
      propose: (proposal, done) =>
        replica.propose({ kind: "count", ...proposal }, (result) => done(result.kind === "done")),
    });
  }

  /** Opens the readings log. Fails as `LogFiles.open`, also with `log-damaged` where counted readings are missing in it. */
  async open(): Promise<void> {
    const { life, replica } = this.#options;
    this.#isHeld = life.was.length > 0 && !this.#isAdmitted();
    const store = await this.#openStore();
    this.#store = store;
    if (store.newestStamp !== undefined) this.#options.siteClock.stamped(store.newestStamp);
    const counted = this.#isAdmitted() ? (replica.state.counted(this.#self) ?? 0) : 0;
    if (store.taken < counted) {
      const detail = `The readings log ends at number ${store.taken}, and ${counted} are counted: it is not the one it was`;
      throw new SkeinError("log-damaged", detail);
    }
    for await (const readings of this.#storedPages()) this.#missing += readings.filter(isMissing).length;
    this.#sender = new PartialSender(
      {
        clock: this.#ports.clock,
        random: this.#ports.random,
        store,
        counted: () => (this.#isAdmitted() ? replica.state.counted(this.#self) : undefined),
        definitions: () => replica.state.definitions,
        siteTime: () => this.#options.siteClock.now(),
        term: () => replica.role.term,
        send: (partial) => this.#send(partial),
      },
      {
        origin: this.#self,
        session: life.session,
        twoCopies: ({ from, to }) =>
          this.#options.notMyReadings(
            `the site counted ${from}–${to} of this device with other readings than its own`,
            to > store.taken ? "set-aside" : "kept",
          ),
        failed: (failure) => this.#ports.logger.warn({ why: failure.message }, "readings cannot be read back"),
      },
    );
  }

  start(): void {
    this.#isSampling = true;
    this.#sender?.start();
    this.#configure();
  }

  /** Sampling ends, and what was read is synced. Idempotent. */
  async stop(): Promise<void> {
    this.#isSampling = false;
    this.#sampler.stop();
    this.#sender?.stop();
    this.#gatherer.resign();
    await this.#store?.close();
  }

  lead(): void {
    this.#gatherer.lead();
  }

  follow(): void {
    this.#gatherer.resign();
  }

  /** A partial of a member, this one included. */
  offered(partial: Partial): void {
    this.#gatherer.offer(partial, partialBytes(partial));
  }

  applied(touched: ReadonlySet<Touched>, moves: readonly CountMove[]): void {
    if (touched.has("configuration")) this.#configure();
    if (touched.has("members") && this.#isHeld && this.#isAdmitted()) {
      this.#isHeld = false;
      this.#admit(this.#countedOf(this.#self) ?? 0);
    }
    for (const move of moves) if (move.origin === this.#self) this.#sender?.moved(move);
  }

  /** After a recovery `counted` may have fallen back behind what this card still holds: then nobody can count on from there. */
  #admit(counted: number): void {
    const store = this.#store;
    if (store === undefined) return;
    if (counted + 1 < store.first) {
      const detail = `the site has counted up to number ${counted}, and the readings up to ${store.first - 1} have left this card`;
      this.#options.notMyReadings(detail, "set-aside");
    } else store.admit(counted);
  }

  /** The device has site time: what was stored without gets its stamps. Repeats change nothing. */
  hasTime(): void {
    const stamp = this.#stamp();
    if (stamp !== undefined) this.#store?.synchronize(stamp);
  }

  /** Never before one that was given already, also to readings that were taken without site time and stamped afterwards. */
  #stamp(): SiteTime | undefined {
    const { siteClock } = this.#options;
    const newest = this.#store?.newestStamp;
    if (newest !== undefined) siteClock.stamped(newest);
    return siteClock.stamp();
  }

  /** Whether there is anything that another incarnation of this device may have taken. */
  get hasReadings(): boolean {
    return (this.#store?.taken ?? 0) > 0;
  }

  sensors(): ReadonlyMap<SensorId, SensorStatus> {
    return this.#sampler.status();
  }

  figures(): CountingFigures {
    const { taken, stopped } = this.#store?.status() ?? { taken: 0, stopped: undefined };
    const counted = this.#countedOf(this.#self) ?? 0;
    return {
      taken,
      missing: this.#missing,
      counted,
      uncounted: Math.max(0, taken - counted),
      stopped: stopped?.message,
    };
  }

  /** Every reading that the card still holds, by number, those without a stamp included. */
  async storedReadings(): Promise<readonly StoredReading[]> {
    const all: StoredReading[] = [];
    for await (const readings of this.#storedPages()) all.push(...readings);
    return all;
  }

  /** A page at a time: a card may keep millions, more than a small device has memory for. */
  async *#storedPages(): AsyncGenerator<readonly StoredReading[]> {
    const store = this.#store;
    if (store === undefined) return;
    for (let from = store.first - 1; from < store.taken; ) {
      const readings = await readStored(store, from);
      const last = readings.at(-1);
      if (last === undefined) return;
      yield readings;
      from = last.number;
    }
  }

  #openStore(): Promise<ReadingStore> {
    const { data, clock, logger } = this.#ports;
    const { life, replica, failed } = this.#options;
    return ReadingStore.open(data.logFiles, clock, {
      flushInterval: () => replica.state.configuration.settings.flushInterval,
      session: life.session,
      lastSiteTime: this.#options.siteClock.floor > 0 ? this.#options.siteClock.floor : undefined,
      isHeld: this.#isHeld,
      listener: {
        taken: (readings) => {
          for (const reading of readings) if (isMissing(reading)) this.#missing += 1;
        },
        stopped: (reason) => logger.error({ why: reason.message }, "this device takes no readings any more"),
        resumed: () => logger.info({}, "this device takes readings again"),
        failed,
      },
    });
  }

  #send(partial: Partial): boolean {
    const { replica } = this.#options;
    const { leader } = replica.role;
    if (leader === undefined) return false;
    if (leader !== this.#self) return this.#options.send(leader, partial);
    this.offered(partial);
    return true;
  }

  #countedOf(origin: MemberKey): number | undefined {
    const { state } = this.#options.replica;
    return state.isGone(origin) ? undefined : state.counted(origin);
  }

  #isAdmitted(): boolean {
    const { self } = this.#options.life;
    return this.#options.replica.state.member(self.device)?.incarnation === self.incarnation;
  }

  #configure(): void {
    if (!this.#isSampling) return;
    const { device } = this.#options.life.self;
    const { sensors } = this.#options.replica.state.configuration;
    const wanted = new Map<SensorId, SampledSensor>();
    for (const [sensor, configuration] of sensors) {
      if (configuration.device !== device) continue;
      const { interval, range, stuckAfter, driver } = configuration;
      const fingerprint = JSON.stringify([interval, range, stuckAfter, driver]);
      wanted.set(sensor, {
        interval,
        range,
        stuckAfter,
        fingerprint,
        driver: () => this.#driverOf(sensor, configuration),
      });
    }
    this.#sampler.configure(wanted);
  }

  /** The site may configure what this host cannot do: then the sensor is faulty here, and nothing else ends (RAFT-CASES 52). */
  #driverOf(sensor: SensorId, configuration: SensorConfiguration): Driver {
    try {
      return this.#ports.drivers(sensor, configuration);
    } catch (failure) {
      if (!isSkeinError(failure)) throw failure;
      return { start: (sink) => this.#ports.clock.soon(() => sink.fault(failure)), stop: () => undefined };
    }
  }
}

const isMissing = (reading: StoredReading): boolean => (reading.quality & quality.missing) !== 0;

const pageReadings = 1000;

function readStored(store: ReadingStore, from: number): Promise<readonly StoredReading[]> {
  return new Promise((done, failed) => {
    store.readStored(from, pageReadings, (failure, readings) =>
      failure === undefined ? done(readings) : failed(failure),
    );
  });
}
