// A simulated site, whole: machines with cards, brokers, an uplink, sensors and clients, in virtual time (DESIGN §12).
//
// The agents are those of a real device (`createAgent`), over ports whose every answer is an event of one queue; after each
// event all promises that it settled are carried on before the next one begins. So a seed replays to the byte. The checkers
// look on; the first promise broken ends the run.

import type { AgentConfiguration } from "../../src/agent/ports.ts";
import { assert, type SkeinError } from "../../src/base/errors.ts";
import { deviceId } from "../../src/base/ids.ts";
import type { Logger } from "../../src/base/ports/logger.ts";
import { type Duration, type Instant, instant, milliseconds, seconds } from "../../src/base/units.ts";
import { DeviceGate } from "../device-gate.ts";
import { SimulatedDisk, usualDisk } from "../disk/simulated-disk.ts";
import { lineLogger } from "../line-logger.ts";
import { SimulatedNetwork } from "../network.ts";
import { SeededRandom } from "../seeded-random.ts";
import type { SimulatedBroker } from "../simulated-broker.ts";
import { VirtualClock, VirtualTime } from "../virtual-clock.ts";
import { sizesOf, timingOf } from "./agent-sizes.ts";
import { CardLosses } from "./card-losses.ts";
import type { CheckerOf, LostFromCard } from "./checker.ts";
import { Checkpost } from "./checkpost.ts";
import { type Card, Machine, type MachineHost } from "./machine.ts";
import { brokerUrl, uplinkUrl, worldSite } from "./names.ts";
import { SiteOperator } from "./operator.ts";
import { overheardData } from "./overheard-data.ts";
import { overheard } from "./overheard-links.ts";
import type { SitePlan } from "./site.ts";
import { StepHooks } from "./step-hooks.ts";
import { TraceDigest } from "./trace-digest.ts";
import { UniqueSensors } from "./unique-sensors.ts";

const logLinesKept = 400;
/** Of the crystals of a Pi, in parts per million. */
const driftPpmMax = 60;
/** What a monotonic clock says when the agent starts, at most. */
const uptimeMsMax = 60_000;

export class World {
  readonly seed: number;
  readonly plan: SitePlan;
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly brokers: readonly SimulatedBroker[];
  readonly machines: Machine[] = [];
  readonly checkpost: Checkpost;
  readonly trace: TraceDigest;
  readonly sensors: UniqueSensors;
  readonly operator: SiteOperator;
  /** For faults that must meet a moment. */
  readonly steps = new StepHooks((task) => this.after(0, "right after a step", task));
  /** The newest events that agents logged, for whoever reads a failure. */
  readonly log: string[] = [];
  /** Processes that ended by themselves. */
  readonly exits: { readonly at: Instant; readonly machine: string; readonly failure: SkeinError }[] = [];
  readonly #losses = new CardLosses();
  /** Faults that are on and hide something. */
  #hidingFaults = 0;
  #broken: unknown;
  #cards = 0;

  constructor(seed: number, plan: SitePlan, checkers: readonly CheckerOf[], options = { keepsMarks: false }) {
    this.seed = seed;
    this.plan = plan;
    this.random = new SeededRandom(seed);
    this.trace = new TraceDigest(options);
    this.time.trace = (source, target, kind, payload) => this.trace.add(this.time.now, source, target, kind, payload);
    this.checkpost = new Checkpost(this.time, [() => this.steps, () => this.#losses, ...checkers]);
    this.network = new SimulatedNetwork(this.time, this.random.fork("network"));
    this.brokers = plan.brokers.map((host, i) => this.network.addBroker(brokerUrl(i + 1), host));
    this.network.addBroker(uplinkUrl).accepted = ({ topic, payload, retain, qos }, { clientId, device }) =>
      this.checkpost.tell("uplink", { topic, payload, retain, qos, clientId }, device);
    this.sensors = new UniqueSensors((sensor, clock, value) => {
      const machine = this.machines.find((each) => each.clock === clock);
      assert(machine !== undefined, "a sensor hangs on a machine");
      this.checkpost.tell("sensed", { machine: machine.name, card: machine.card.name, sensor, value });
    });
    this.operator = new SiteOperator(this);
    for (let number = 1; number <= plan.devices; number++) this.addMachine(`pi-${number}`);
  }

  /** With an empty card unless one is given, and without power. */
  addMachine(name: string, device = name, card = this.newCard()): Machine {
    const machine = new Machine({ machine: name, device: deviceId(device) }, card, this.#host(name));
    this.machines.push(machine);
    return machine;
  }

  /** An empty one. */
  newCard(): Card {
    this.#cards += 1;
    const name = `card-${this.#cards}`;
    const options = { ...usualDisk, serial: `cid:${name}` };
    return { name, disk: new SimulatedDisk(this.time, this.random.fork(name), options) };
  }

  /** Whether the design lets this machine's card lose what it holds now (card-losses.ts). */
  mayLoseCard(machine: Machine): boolean {
    return this.#losses.mayLose(machine.members());
  }

  /** Those that the machine embeds. */
  brokersIn({ name }: Machine): readonly SimulatedBroker[] {
    return this.brokers.filter((_, i) => this.plan.brokers[i] === name);
  }

  /** What the member of this machine promised is gone, with its card or from it. */
  loseMember(machine: Machine, what: LostFromCard): void {
    this.#losses.lose(machine.members());
    this.checkpost.tell("cardLost", machine.card.name, what);
  }

  /** On another card, of another serial unless one is given; the checkers know. */
  copyOf(card: Card, serial?: string): Card {
    const copy = this.newCard();
    this.checkpost.tell("cardCopied", card.name, copy.name);
    const disk = card.disk.copy(serial ?? `cid:${copy.name}`);
    disk.setLatency(usualDisk); // what is slow is the old card
    return { name: copy.name, disk };
  }

  /** The machine and its card leave the site for good. */
  discard(machine: Machine): void {
    machine.discard();
    this.checkpost.tell("cardLost", machine.card.name, "everything");
    this.machines.splice(this.machines.indexOf(machine), 1);
  }

  /** No fault is on that keeps the word of a device from others. */
  get isNothingHidden(): boolean {
    return this.#hidingFaults === 0;
  }

  /** A fault begins, or ends. */
  turnFault({ name, hides }: { readonly name: string; readonly hides?: string }, isOn: boolean): void {
    if (hides !== undefined) this.#hidingFaults += isOn ? 1 : -1;
    this.checkpost.tell("fault", name, isOn);
  }

  machine(name: string): Machine {
    const machine = this.machines.find((each) => each.name === name);
    assert(machine !== undefined, `the world has a machine ${name}`);
    return machine;
  }

  /** The machine whose replica leads with authority, if there is one. */
  coordinator(): Machine | undefined {
    for (const { machine, replica } of this.checkpost.lives()) {
      const { role, hasAuthority } = replica.status();
      if (role === "leader" && hasAuthority) return this.machine(machine);
    }
    return undefined;
  }

  /** Runs what is due within `span`. Fails with the first broken promise. */
  async run(span: Duration): Promise<void> {
    const until = instant(this.time.now + span);
    await new Promise<void>((resolve, reject) => {
      // A tick that is asked for by a microtask comes when no other one is left: every promise that was settled has been carried on.
      const afterPromises = (): void => process.nextTick(next);
      const next = (): void => {
        try {
          this.#look();
          if (this.time.runNext(until)) queueMicrotask(afterPromises);
          else resolve();
        } catch (failure) {
          reject(failure as Error);
        }
      };
      next();
    });
    this.time.run(milliseconds(until - this.time.now));
    // What was told outside of any event counts, too: the end of the healing phase.
    this.#look();
  }

  /** Until `holds`, looked at each 100 ms; false when it does not within `span`. */
  async runUntil(holds: () => boolean, span: Duration): Promise<boolean> {
    const until = this.time.now + span;
    while (!holds()) {
      if (this.time.now >= until) return false;
      await this.run(milliseconds(100));
    }
    return true;
  }

  /** From now on the checkers hear of each second. */
  startSeconds(): void {
    this.after(1000, "a second", () => {
      this.checkpost.tell("second");
      this.startSeconds();
    });
  }

  /** For whoever reads a failure. */
  note(line: string): void {
    this.#write(line);
  }

  /** In the world's true time. */
  after(span: number, name: string, task: () => void): void {
    this.time.schedule(milliseconds(span), name, task);
  }

  /** What no port may bring about: an agent that threw, or a promise that nobody handles. */
  break(failure: unknown): void {
    this.#broken ??= failure;
  }

  #look(): void {
    const failure = this.#broken ?? this.checkpost.failure;
    if (failure !== undefined) throw failure;
  }

  #host(name: string): MachineHost {
    const random = this.random.fork(`clock of ${name}`);
    const driftPpm = 2 * driftPpmMax * (random.fraction() - 0.5);
    return {
      gate: () => new DeviceGate(this.time, name),
      clock: ({ gate, wall }) =>
        new VirtualClock(this.time, {
          name,
          gate,
          driftPpm,
          origin: instant(uptimeMsMax * random.fraction()),
          isSynchronized: wall.hasSource,
          ...(wall.hasBattery ? {} : { wallStartsAt: 0 }),
        }),
      ports: (machine, clock) => ({
        random: this.random.fork(`${machine.name} ${this.time.now}`),
        logger: this.#logger(machine.name),
        links: overheard(this.network.device(machine.name, machine.gate), uplinkUrl, {
          said: (from, message, to) => this.checkpost.tell("said", from, machine.name, message, to),
          published: () => this.checkpost.tell("published", machine.name),
        }),
        drivers: (sensor, { interval }) => this.sensors.driver(sensor, interval, clock),
        watch: (self) =>
          this.checkpost.watch(
            { machine: machine.name, card: machine.card.name, generation: () => machine.generation() },
            self,
          ),
      }),
      data: ({ card: { name: card } }, opened) =>
        overheardData(opened, {
          synced: (log, position, payload) => this.checkpost.tell("synced", { card, log, position, payload }),
          recovered: (log, position, payload) => this.checkpost.tell("recovered", { card, log, position, payload }),
        }),
      configuration: (machine) => this.#configuration(machine),
      cutLinks: (machine) => {
        this.network.kill(machine.name);
        for (const broker of this.brokersIn(machine)) broker.crash();
      },
      ended: (machine) => this.checkpost.end(machine.name),
      exited: (machine, failure) => {
        this.checkpost.tell("logged", machine.name, "process ended", { why: failure.message });
        this.exits.push({ at: this.time.now, machine: machine.name, failure });
        this.#write(`${machine.name} EXIT ${failure.code}: ${failure.message}`);
      },
      after: (delay, name, task) => this.after(delay, name, task),
      broken: (failure) => this.break(failure),
    };
  }

  #configuration(machine: Machine): AgentConfiguration {
    for (const broker of this.brokersIn(machine)) broker.restart();
    return {
      site: worldSite,
      device: machine.device,
      found: machine === this.machines[0] && machine.card.name === "card-1",
      brokers: this.brokers.map(({ url }) => ({ url })),
      keepAlive: milliseconds(seconds(10) * (this.plan.pace ?? 1)),
      timing: timingOf(this.plan),
      version: "0.0.0-world",
      sizes: sizesOf(this.plan),
    };
  }

  #logger(name: string): Logger {
    return lineLogger((level, event, fields) => {
      this.checkpost.tell("logged", name, event, fields);
      this.#write(`${name} ${level} ${event} ${JSON.stringify(fields)}`);
    });
  }

  #write(line: string): void {
    if (this.log.length >= 2 * logLinesKept) this.log.splice(0, logLinesKept);
    this.log.push(`${(this.time.now / 1000).toFixed(3)} ${line}`);
  }
}
