// One seed, whole: the site is founded, faults rage (safety phase), then they end and the site must heal by itself (healing
// phase): no restart, one coordinator, changes commit, every reading counted, the cloud complete. After TigerBeetle's simulator
// and openraft's turmoil tests.

import { assert } from "../../src/base/errors.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import type { Random } from "../../src/base/ports/random.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";
import type { SiteConfiguration } from "../../src/site/configuration.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { type CheckerOf, type ClientOperation, Violation } from "./checker.ts";
import type { ClientHabits } from "./client-habits.ts";
import type { PlannedFault } from "./fault.ts";
import { faultKind } from "./fault-kinds.ts";
import { brokerUrl } from "./names.ts";
import type { WorldPlan } from "./plan.ts";
import { RegisterClient } from "./register-client.ts";
import { changed, firstConfiguration } from "./site-configuration.ts";
import { Situations } from "./situations.ts";
import { Stage } from "./stage.ts";
import type { TraceMark } from "./trace-digest.ts";
import { World } from "./world.ts";

export interface WorldReport {
  readonly seed: number;
  /** Of everything that happened: 64 hex digits. */
  readonly digest: string;
  /** Digests on the way, if they were asked for (trace-digest.ts); the last is of everything. */
  readonly marks: readonly TraceMark[];
  readonly events: number;
  /** Virtual time, in ms. */
  readonly span: number;
  /** Faults that happened, by kind; a planned one that could not happen is not among them. */
  readonly faults: ReadonlyMap<string, number>;
  readonly situations: ReadonlyMap<string, number>;
  readonly proposals: number;
  readonly readings: number;
  /** What a scenario says of itself at its end. */
  readonly told: readonly string[];
  /** Which promise was broken, and how; undefined: none. */
  readonly violation: { readonly checker: string; readonly detail: string; readonly at: number } | undefined;
  /** The last events that agents logged, where a promise was broken. */
  readonly log: readonly string[];
}

/** What a machine had taken when it was noted, and as which member. */
interface Due {
  readonly member: MemberKey | undefined;
  readonly taken: number;
}

const foundingWithin = seconds(60);
/** From the end of the faults until there is one coordinator and changes commit. */
const healedWithin = seconds(60);
const exitsUntil = seconds(20);
/** Of a client that only does what it is told to. */
const resting: ClientHabits = { pause: seconds(1), writes: 0, echoes: 0, isImpatient: false };
const scenarioPeople = 16;
/** Clients that write faster than this read instead: what further changes would show, another seed shows for less. */
const writesAtOnce = 20;
const writesPerSecond = 0.5;
/** Longer than any client asks again. */
const clientsWithin = seconds(60);
/** PROTOCOLS, E: three of the largest window with its grace, and the backlog. */
const countedWithin = (plan: WorldPlan): number =>
  3 * (2 * plan.site.window + plan.site.flushInterval + 20_000) + 60_000;

export interface WorldOptions {
  /** For whoever compares two runs. */
  readonly keepsMarks: boolean;
}

export async function runWorld(
  seed: number,
  plan: WorldPlan,
  checkers: readonly CheckerOf[],
  options: WorldOptions = { keepsMarks: false },
): Promise<WorldReport> {
  return await new WorldRun(seed, plan, checkers, options).run();
}

class WorldRun {
  readonly #plan: WorldPlan;
  readonly #world: World;
  readonly #situations: Situations;
  readonly #clients: RegisterClient[] = [];
  readonly #faults = new Map<string, number>();
  readonly #ends = new Set<() => void>();
  #proposals = 0;
  #ragesSince = 0;
  #stage: Stage | undefined;
  #lines: readonly string[] = [];

  constructor(seed: number, plan: WorldPlan, checkers: readonly CheckerOf[], options: WorldOptions) {
    this.#plan = plan;
    let situations: Situations | undefined;
    const watching: CheckerOf = (world) => {
      situations = new Situations(world);
      return situations;
    };
    this.#world = new World(seed, plan.site, [...checkers, watching], options);
    assert(situations !== undefined, "each checker is made with its world");
    this.#situations = situations;
  }

  async run(): Promise<WorldReport> {
    const world = this.#world;
    let violation: WorldReport["violation"];
    try {
      await this.#found();
      await this.#rage();
      await this.#heal();
      this.#lines = this.#stage?.told ?? [];
    } catch (failure) {
      const checker = failure instanceof Violation ? failure.checker : "no-crash";
      const detail = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
      violation = { checker, detail: failure instanceof Violation ? failure.message : detail, at: world.time.now };
    }
    for (const machine of world.machines) machine.cutPower();
    return {
      seed: world.seed,
      digest: world.trace.digest(),
      marks: world.trace.marks,
      events: world.trace.events,
      span: world.time.now,
      faults: this.#faults,
      situations: this.#situations.counts,
      proposals: this.#proposals,
      readings: world.sensors.count,
      told: this.#lines,
      violation,
      log: violation === undefined ? [] : world.log,
    };
  }

  async #found(): Promise<void> {
    const world = this.#world;
    const { site } = this.#plan;
    world.startSeconds();
    this.#plan.scenario?.prepare?.(world);
    for (const machine of world.machines) {
      world.after(world.random.below(1000), "first power", () => machine.powerOn());
    }
    for (const [i, habits] of site.clients.entries()) {
      this.#clients.push(this.#client(`client-${i + 1}`, { number: i, habits }));
    }
    const isWhole = (): boolean => world.coordinator()?.status()?.members.length === site.devices;
    await this.#expect("the site is founded and whole", isWhole, foundingWithin);
    const names = world.machines.map(({ device }) => device);
    const founder = this.#client("founder", { change: () => firstConfiguration(site, names) });
    await this.#within("the first configuration is committed", () => founder.write(), foundingWithin);
    await world.run(seconds(5));
  }

  async #rage(): Promise<void> {
    const world = this.#world;
    this.#ragesSince = world.time.now;
    for (const client of this.#clients) client.work();
    const { scenario } = this.#plan;
    if (scenario !== undefined) {
      const people = Array.from({ length: scenarioPeople }, (_, i) =>
        this.#client(`person-${i + 1}`, { number: i, ...(scenario.change && { change: scenario.change }) }),
      );
      this.#clients.push(...people);
      await world.run(seconds(2)); // they connect
      this.#stage = new Stage(world, people, (fault) => this.#begin(fault));
      await scenario.play(this.#stage);
      return;
    }
    for (const fault of this.#plan.faults) world.after(fault.at, `fault: ${fault.kind}`, () => this.#begin(fault));
    await world.run(milliseconds(this.#plan.site.storm));
  }

  #begin(fault: PlannedFault): void {
    const kind = faultKind(fault.kind);
    const end = kind.begin(this.#world, fault);
    if (end === undefined) return;
    this.#faults.set(fault.kind, (this.#faults.get(fault.kind) ?? 0) + 1);
    this.#world.note(
      `fault ${fault.kind} (target ${fault.target}, strength ${fault.strength.toFixed(2)}) for ${fault.lasts} ms`,
    );
    this.#world.turnFault(kind, true);
    const once = (): void => {
      if (!this.#ends.delete(once)) return;
      end();
      this.#world.turnFault(kind, false);
    };
    this.#ends.add(once);
    this.#world.after(fault.lasts, `end of ${fault.kind}`, once);
  }

  async #heal(): Promise<void> {
    const world = this.#world;
    for (const end of [...this.#ends]) end();
    world.network.healAll();
    for (const machine of world.machines) machine.powerOn();
    for (const client of this.#clients) client.rest();
    const began = world.time.now;
    const left = (bound: number): number => Math.max(0, Math.ceil(began + bound - world.time.now));
    await this.#expect("there is one coordinator again", () => this.#isLedByOne(), left(healedWithin));
    const last = this.#client("healer");
    await this.#within("a configuration change commits again", () => last.write(), left(healedWithin));
    await this.#within("the configuration can be read again", () => last.read(), left(healedWithin));
    await this.#expect("every client has its answer", () => this.#clients.every(({ isIdle }) => isIdle), clientsWithin);
    for (const client of this.#clients) {
      await this.#within("every client can read again", () => client.read(), clientsWithin);
    }
    world.sensors.silence();
    await world.run(milliseconds(2 * this.#plan.site.flushInterval));
    const due = new Map<string, Due>();
    this.#uncounted(due);
    const bound = healedWithin + countedWithin(this.#plan);
    await this.#expect(
      () => `every reading is counted (${this.#uncounted(due).join(", ")})`,
      () => this.#uncounted(due).length === 0,
      left(bound),
    );
    await this.#expect("the cloud has every item", () => this.#isPublished(), left(bound));
    await this.#expect(
      () => `nothing is left to do (${world.checkpost.waitsFor()})`,
      () => world.checkpost.waitsFor() === undefined,
      left(bound),
    );
    // A process that a failing disk ended was started again by then.
    const exit = world.exits.find(({ at }) => at > began + exitsUntil);
    if (exit !== undefined) throw new Violation("liveness", `${exit.machine} ended by itself: ${exit.failure.message}`);
    world.checkpost.tell("healed");
    await world.run(milliseconds(0));
  }

  #isLedByOne(): boolean {
    const world = this.#world;
    const lives = [...world.checkpost.lives()];
    const leaders = lives.filter(({ replica }) => replica.status().role === "leader");
    const [leader] = leaders;
    if (leaders.length !== 1 || leader === undefined || lives.length !== world.machines.length) return false;
    return leader.replica.status().hasAuthority;
  }

  /**
   * Who is behind what it had taken when sensors fell silent, and how far: that they are silent is numbered, too. `due` is noted at
   * the first call, and anew for who begins another incarnation meanwhile: its numbers are others (seed 11026).
   */
  #uncounted(due: Map<string, Due>): readonly string[] {
    return this.#world.machines.flatMap((machine) => {
      const readings = machine.status()?.readings;
      const [member] = machine.members();
      if (due.get(machine.name)?.member !== member && readings !== undefined) {
        due.set(machine.name, { member, taken: readings.taken });
      }
      if (readings !== undefined && readings.counted >= (due.get(machine.name)?.taken ?? 0)) return [];
      return [`${machine.name}: ${readings?.counted} of ${readings?.taken}, ${readings?.frozen?.readings ?? 0} frozen`];
    });
  }

  #isPublished(): boolean {
    const status = this.#world.coordinator()?.status();
    return status?.outbox.waiting === 0;
  }

  async #expect(what: string | (() => string), holds: () => boolean, within: number): Promise<void> {
    if (await this.#world.runUntil(holds, milliseconds(within))) return;
    throw new Violation("liveness", `not within ${within / 1000} s: ${typeof what === "string" ? what : what()}`);
  }

  /** Asks again and again. */
  async #within(what: string, attempt: () => Promise<boolean>, within: number): Promise<void> {
    let isDone = false;
    const again = async (): Promise<void> => {
      while (!isDone) isDone = await attempt();
    };
    again().catch((failure: unknown) => this.#world.break(failure));
    await this.#expect(what, () => isDone, within);
  }

  #client(
    name: string,
    {
      number = 0,
      habits = resting,
      change,
    }: {
      number?: number;
      habits?: ClientHabits;
      change?: (configuration: SiteConfiguration, random: Random) => SiteConfiguration;
    } = {},
  ): RegisterClient {
    const world = this.#world;
    const { site } = this.#plan;
    const random = world.random.fork(name);
    return new RegisterClient(name, habits, {
      clock: new VirtualClock(world.time),
      random,
      links: world.network.device(name),
      broker: brokerUrl(1 + (number % site.brokers.length)),
      change: (configuration) => change?.(configuration, random) ?? changed(configuration, site, random),
      mayWrite: () => this.#mayWrite(),
      operation: (operation) => this.#told(operation),
      broken: (failure) => world.break(failure),
    });
  }

  #mayWrite(): boolean {
    const span = (this.#world.time.now - this.#ragesSince) / 1000;
    return this.#proposals < writesAtOnce + writesPerSecond * span;
  }

  #told(operation: ClientOperation): void {
    this.#world.checkpost.tell("operation", operation);
    if (operation.kind !== "write") return;
    this.#proposals += 1;
    if (operation.outcome !== "done") return;
    for (const client of this.#clients) if (client.name !== operation.client) client.echo();
  }
}
