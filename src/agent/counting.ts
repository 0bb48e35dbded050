// The readings of one device, from its sensors to the coordinator; and, while it is coordinator, from everybody's partials to
// the log. The protocol is PROTOCOLS.md, "Counting each reading once".

import { isSkeinError, SkeinError } from "../base/errors.ts";
import { type MemberKey, memberKey, type SensorId } from "../base/ids.ts";
import type { Timer } from "../base/ports/clock.ts";
import type { Driver } from "../base/ports/driver.ts";
import { type SiteTime, seconds } from "../base/units.ts";
import { isAssigned } from "../readings/fold.ts";
import type { FrozenStatus } from "../readings/freezing.ts";
import { Gatherer } from "../readings/gatherer.ts";
import { PartialSender } from "../readings/partial-sender.ts";
import { partialBytes } from "../readings/partial-size.ts";
import type { StoredReading } from "../readings/reading-log.ts";
import { ReadingStore } from "../readings/reading-store.ts";
import type { ReadingsSizes } from "../readings/readings-sizes.ts";
import { type SampledSensor, Sampler, type SensorStatus } from "../readings/sampler.ts";
import type { CountMove, FrozenOffer } from "../readings/types.ts";
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
  readonly sizes: ReadingsSizes | undefined;
  /** To the coordinator; false when there is no way to it. */
  send(to: MemberKey, partial: Partial): boolean;
  sendFrozen(to: MemberKey, offer: FrozenOffer): boolean;
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
  readonly frozen: FrozenStatus | undefined;
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
  #fallenBack: Timer | undefined;
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
      proposeFrozen: (proposal, done) =>
        replica.propose({ kind: "count-frozen", ...proposal }, (result) => done(result.kind === "done")),
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
        counted: () => this.#ownCounted(),
        definitions: () => replica.state.definitions,
        siteTime: () => this.#options.siteClock.now(),
        term: () => replica.role.term,
        send: (partial) =>
          this.#send(
            () => this.offered(partial),
            (leader) => this.#options.send(leader, partial),
          ),
        sendFrozen: (offer) =>
          this.#send(
            () => this.offeredFrozen(offer),
            (leader) => this.#options.sendFrozen(leader, offer),
          ),
      },
      {
        origin: this.#self,
        session: life.session,
        twoCopies: ({ from, to }) =>
          this.#options.notMyReadings(
            `the site counted ${from}–${to} of this device with other readings than its own`,
            to > store.taken ? "set-aside" : "kept",
          ),
        withinFrozen: (counted, { from, to }) =>
          this.#options.notMyReadings(
            `the site has counted up to number ${counted}, within ${from + 1}–${to}, which this device holds only together`,
            "set-aside",
          ),
        failed: (failure) => this.#unread(failure),
        ...(this.#options.sizes && { partialReadings: this.#options.sizes.partialReadings }),
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
    this.#fallenBack?.cancel();
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

  /** A frozen partial of a member, this one included. */
  offeredFrozen(offer: FrozenOffer): void {
    this.#gatherer.offerFrozen(offer);
  }

  applied(touched: ReadonlySet<Touched>, moves: readonly CountMove[]): void {
    if (touched.has("configuration")) this.#configure();
    if (this.#isHeld && (touched.has("members") || touched.has("counted")) && this.#isAdmitted()) this.#admit();
    for (const move of moves) if (move.origin === this.#self) this.#sender?.moved(move);
  }

  /**
   * After a recovery `counted` may have fallen back behind what this card still holds: then nobody can count on from there. But a
   * replica that came back older than it was shows what was counted long ago, until it has caught up: so that is waited for.
   */
  #admit(): void {
    const store = this.#store;
    const counted = this.#countedOf(this.#self) ?? 0;
    if (store === undefined) return;
    if (counted + 1 >= store.first) {
      this.#isHeld = false;
      this.#fallenBack?.cancel();
      store.admit(counted);
      return;
    }
    this.#fallenBack ??= this.#ports.clock.after(catchingUp, "counted fell back", () => {
      this.#fallenBack = undefined;
      const now = this.#countedOf(this.#self) ?? 0;
      if (!this.#isHeld) return;
      if (now > counted) {
        this.#admit();
        return;
      }
      const detail = `the site has counted up to number ${now}, and the readings up to ${store.first - 1} have left this card`;
      this.#options.notMyReadings(detail, "set-aside");
    });
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
    const { taken, stopped, frozen } = this.#store?.status() ?? { taken: 0, stopped: undefined, frozen: undefined };
    const counted = this.#countedOf(this.#self) ?? 0;
    return {
      taken,
      missing: this.#missing,
      counted,
      uncounted: Math.max(0, taken - counted),
      stopped: stopped?.message,
      frozen,
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
      ...(this.#options.sizes && { sizes: this.#options.sizes }),
      freezing: {
        device: life.self.device,
        counted: () => this.#ownCounted(),
        definitions: () => replica.state.definitions,
      },
      listener: {
        taken: (readings) => {
          for (const reading of readings) if (isMissing(reading)) this.#missing += 1;
        },
        stopped: (reason) => logger.error({ why: reason.message }, "this device takes no readings any more"),
        resumed: () => logger.info({}, "this device takes readings again"),
        frozen: (readings) => {
          const { partials, since, until, span } = this.#store?.status().frozen ?? {};
          logger.warn(
            { readings, partials, since, until, spanMs: span },
            "the oldest readings are kept only as their windows",
          );
        },
        unread: (failure) => this.#unread(failure),
        failed,
      },
    });
  }

  #unread(failure: SkeinError): void {
    this.#ports.logger.warn({ why: failure.message }, "readings cannot be read back");
  }

  /** False: there is no coordinator, or no way to it. */
  #send(offer: () => void, send: (leader: MemberKey) => boolean): boolean {
    const { leader } = this.#options.replica.role;
    if (leader === undefined) return false;
    if (leader !== this.#self) return send(leader);
    offer();
    return true;
  }

  /** Undefined: not a member in the own applied state. */
  #ownCounted(): number | undefined {
    return this.#isAdmitted() ? this.#options.replica.state.counted(this.#self) : undefined;
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

/** What a replica takes at most to apply again what it had applied before a restart. */
const catchingUp = seconds(30);
const pageReadings = 1000;

function readStored(store: ReadingStore, from: number): Promise<readonly StoredReading[]> {
  return new Promise((done, failed) => {
    store.readStored(from, pageReadings, (failure, readings) =>
      failure === undefined ? done(readings) : failed(failure),
    );
  });
}
