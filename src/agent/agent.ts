// The assembly of one device: what `skein run` starts on a Pi, and what the simulated world starts in virtual time.
//
// An agent lives through devices: each start is a session, and when its past turns out to be lost (or not its own) it goes on
// as a new incarnation, without a restart of the process.

import { assert, isSkeinError, SkeinError } from "../base/errors.ts";
import { type Generation, memberKey } from "../base/ids.ts";
import type { StoredReading } from "../readings/reading-log.ts";
import { readingsLogName } from "../readings/reading-store.ts";
import { beginning, newestTime, openReplica } from "../replica/open-replica.ts";
import { SiteClock } from "../replica/site-time.ts";
import { Device } from "./device.ts";
import type { Life } from "./life.ts";
import type { AgentConfiguration, AgentPorts } from "./ports.ts";
import type { AgentStatus } from "./status.ts";

export interface Agent {
  /** Resolves when it takes part: its session is synced and it dials its brokers. Does not wait for a coordinator. */
  start(): Promise<void>;
  /** As SIGTERM: flushes, closes, stays a member. Idempotent. */
  stop(): Promise<void>;
  status(): AgentStatus;
  /** Every reading that the card still holds, by number. */
  storedReadings(): Promise<readonly StoredReading[]>;
  /** Resolves when the agent can no longer keep what it promised (a failed disk); the process should end with this error. */
  readonly failed: Promise<SkeinError>;
}

export function createAgent(ports: AgentPorts, configuration: AgentConfiguration): Agent {
  return new DeviceAgent(ports, configuration);
}

class DeviceAgent implements Agent {
  readonly #ports: AgentPorts;
  readonly #configuration: AgentConfiguration;
  readonly failed: Promise<SkeinError>;
  #fail: (failure: SkeinError) => void = () => undefined;
  #device: Device | undefined;
  #generation: Generation | undefined;
  #setAside: string | undefined;
  #starting: Promise<void> | undefined;
  #adopting: Promise<void> | undefined;
  #renewing: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(ports: AgentPorts, configuration: AgentConfiguration) {
    this.#ports = ports;
    this.#configuration = configuration;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  status(): AgentStatus {
    assert(this.#device !== undefined, "status is asked after start");
    return this.#device.status();
  }

  storedReadings(): Promise<readonly StoredReading[]> {
    assert(this.#device !== undefined, "readings are asked for after start");
    return this.#device.storedReadings();
  }

  async #start(): Promise<void> {
    if (this.#stopping !== undefined) return;
    this.#device = await this.#begin(this.#ports.data.origin !== "found");
    if (this.#stopping === undefined) this.#device.start();
  }

  /** What is under way ends first: it stands on the data directory. */
  async #stop(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    await this.#renewing;
    try {
      await this.#device?.stop();
      await this.#adopting;
    } finally {
      await this.#ports.data.close();
    }
  }

  /** Opens what the data directory holds; a lost past makes a new incarnation, once. */
  async #begin(isNewIncarnation: boolean): Promise<Device> {
    const { clock, random, logger, data } = this.#ports;
    for (let isFresh = isNewIncarnation; ; isFresh = true) {
      const { identity } = data;
      this.#generation = identity.generation;
      const founds = this.#configuration.found && identity.generation === undefined && identity.was.length === 0;
      const self = { device: this.#configuration.device, incarnation: identity.incarnation };
      const opened = await openReplica(
        { clock, random, logFiles: data.logFiles, storage: data.storage },
        {
          self: memberKey(self),
          founds,
          hasPast: identity.generation !== undefined && !isFresh,
          timing: this.#configuration.timing,
          ...this.#configuration.sizes,
        },
      );
      if (opened.kind === "lost-past") {
        logger.error(
          { why: opened.why, incarnation: identity.incarnation },
          "this device has lost its past and goes on as a new incarnation",
        );
        await data.newIncarnation();
        continue;
      }
      const founding = founds ? await this.#found() : this.#generation;
      const siteClock = new SiteClock(clock, newestTime(opened.parts), opened.parts.state.time);
      const life: Life = {
        site: this.#configuration.site,
        self,
        session: identity.session,
        start: Math.floor(random.fraction() * 2 ** 48),
        isReturning: !isFresh,
        began: beginning(opened.parts),
        was: identity.was,
        version: this.#configuration.version,
        setAside: this.#setAside,
        founding,
      };
      const parts = { replica: opened.parts, siteClock };
      const device = new Device(this.#ports, this.#configuration, life, parts, {
        generation: () => this.#generation,
        adoptGeneration: (generation) => this.#adopt(generation),
        renew: (why, readings, generation) => this.#renew(why, readings, generation),
        failed: (failure) => this.#fail(failure),
      });
      try {
        await device.open();
        return device;
      } catch (cause) {
        await device.stop();
        if (!isSkeinError(cause, "log-damaged")) throw cause;
        // Numbers that were given, and perhaps sent, are lost with it: this incarnation cannot number on.
        logger.error({ why: cause.message }, "the readings on this card cannot be gone on with; they are set aside");
        this.#setAside = `The readings that were on this card are set aside, and those not counted yet are lost: ${cause.message}`;
        await data.logFiles.setAside(readingsLogName);
        await data.newIncarnation({ was: [] });
      }
    }
  }

  /** Once, by a person's word: the generation is synced after the log that names this device its only voter. */
  async #found(): Promise<Generation> {
    const generation: Generation = { number: 1, nonce: Buffer.from(this.#ports.random.bytes(16)).toString("hex") };
    await this.#ports.data.saveGeneration(generation);
    this.#generation = generation;
    this.#ports.logger.info({ generation }, "founding the site");
    return generation;
  }

  /** Nothing of the generation is answered before it is synced: a device belongs to one, whatever it hears later. */
  #adopt(generation: Generation): void {
    if (this.#adopting !== undefined) return;
    this.#adopting = this.#ports.data.saveGeneration(generation).then(
      () => {
        this.#generation = generation;
        this.#ports.logger.info({ generation }, "heard this site's coordinator for the first time");
      },
      (cause: unknown) => {
        this.#fail(new SkeinError("disk-failed", "The site's generation could not be written", cause));
      },
    );
  }

  /** Idempotent: the first reason counts. */
  #renew(why: string, readings: "kept" | "set-aside" = "kept", generation?: Generation): void {
    if (this.#renewing !== undefined || this.#stopping !== undefined) return;
    const { taken } = this.status().readings;
    const text = `The readings on this card, up to number ${taken}, are set aside, and count only as far as they did: ${why}`;
    if (readings === "set-aside") this.#setAside = text;
    this.#ports.logger.error({ why, readings, taken }, "this incarnation must not go on; a new one is made");
    this.#renewing = this.#makeAnew(readings, generation).then(
      () => {
        this.#renewing = undefined;
      },
      (cause: unknown) =>
        this.#fail(
          cause instanceof SkeinError
            ? cause
            : new SkeinError("disk-failed", "No new incarnation could be made", cause),
        ),
    );
  }

  async #makeAnew(readings: "kept" | "set-aside", generation: Generation | undefined): Promise<void> {
    const { data } = this.#ports;
    await this.#device?.stop();
    await this.#adopting;
    if (readings === "set-aside") await data.logFiles.setAside(readingsLogName);
    await data.newIncarnation({
      ...(readings === "set-aside" ? { was: [] } : {}),
      ...(generation === undefined ? {} : { generation }),
    });
    if (this.#stopping !== undefined) return;
    this.#device = await this.#begin(true);
    this.#device.start();
  }
}
