// One machine of the world with a card in it: power, the agent's process, and who starts that process again (systemd on a Pi).

import { type Agent, createAgent } from "../../src/agent/agent.ts";
import type { AgentConfiguration, AgentPorts } from "../../src/agent/ports.ts";
import type { AgentStatus } from "../../src/agent/status.ts";
import { isSkeinError, type SkeinError } from "../../src/base/errors.ts";
import { type DeviceId, type MemberKey, memberKey } from "../../src/base/ids.ts";
import type { DataDirectory } from "../../src/base/ports/data-directory.ts";
import { seconds } from "../../src/base/units.ts";
import type { DeviceGate } from "../device-gate.ts";
import type { SimulatedDisk } from "../disk/simulated-disk.ts";
import type { VirtualClock } from "../virtual-clock.ts";

/** What lies in a machine's slot. Another name for each content that began empty, or as a copy. */
export interface Card {
  readonly name: string;
  /** Another object after each power cut. */
  disk: SimulatedDisk;
}

/** What the world gives a machine. */
export interface MachineHost {
  gate(name: string): DeviceGate;
  /** Of a new start. */
  clock(machine: Machine): VirtualClock;
  ports(machine: Machine, clock: VirtualClock): Omit<AgentPorts, "data" | "clock">;
  /** What the agent is given of its card. */
  data(machine: Machine, opened: DataDirectory): DataDirectory;
  configuration(machine: Machine): AgentConfiguration;
  /** The machine's links end without a word. */
  cutLinks(machine: Machine): void;
  /** The agent's life is over. */
  ended(machine: Machine): void;
  /** The process ended by itself, or would not start; it is started again in a while. */
  exited(machine: Machine, failure: SkeinError): void;
  after(delay: number, name: string, task: () => void): void;
  /** Something that no port may do: the world ends. */
  broken(failure: unknown): void;
}

/** How a machine's wall clock stands when it is switched on. */
export interface WallState {
  /** False: it wakes up in 1970, having no battery. */
  readonly hasBattery: boolean;
  /** A time source is within reach. */
  readonly hasSource: boolean;
}

const rightWall: WallState = { hasBattery: true, hasSource: true };

/** As the unit file says. */
const restartAfter = seconds(5);

export class Machine {
  readonly name: string;
  readonly device: DeviceId;
  /** Keeps everything from the process while it is suspended. */
  readonly gate: DeviceGate;
  /** What its wall clock will say after the next start. */
  wall: WallState = rightWall;
  readonly #host: MachineHost;
  card: Card;
  #agent: Agent | undefined;
  #data: DataDirectory | undefined;
  #isStarted = false;
  #clock: VirtualClock | undefined;
  #hasPower = false;
  #isDiscarded = false;
  /** Of the present start; what an earlier one still does counts no more. */
  #start = 0;

  constructor(names: { readonly machine: string; readonly device: DeviceId }, card: Card, host: MachineHost) {
    this.name = names.machine;
    this.device = names.device;
    this.card = card;
    this.gate = host.gate(names.machine);
    this.#host = host;
  }

  get hasPower(): boolean {
    return this.#hasPower;
  }

  /** The agent's process runs and has opened its card. */
  get isUp(): boolean {
    return this.#isStarted;
  }

  /** Which founding of the site its card belongs to, as far as this start knows; 1 while it has heard of none. */
  generation(): number {
    return this.#data?.identity.generation?.number ?? 1;
  }

  /** The members that it was, as far as its present card knows: of its last start, whether it runs or not. */
  members(): readonly MemberKey[] {
    const identity = this.#data?.identity;
    return identity === undefined ? [] : [memberKey({ device: this.device, incarnation: identity.incarnation })];
  }

  /** Another card, or the same with other content. Without power only. */
  insert(card: Card): void {
    this.card = card;
    this.#data = undefined;
  }

  get clock(): VirtualClock | undefined {
    return this.#clock;
  }

  /** Undefined while it does not run. */
  status(): AgentStatus | undefined {
    return this.#isStarted ? this.#agent?.status() : undefined;
  }

  get agent(): Agent | undefined {
    return this.#isStarted ? this.#agent : undefined;
  }

  /** Without power, for good. */
  discard(): void {
    this.cutPower();
    this.#isDiscarded = true;
  }

  /** Idempotent. */
  powerOn(): void {
    if (this.#hasPower || this.#isDiscarded) return;
    this.#hasPower = true;
    this.#launch();
  }

  /** Nothing of this start happens any more; what was not synced is gone. Idempotent. */
  cutPower(): void {
    if (!this.#hasPower) return;
    this.#hasPower = false;
    this.#end();
  }

  /** SIGTERM, and no start afterwards. Resolves when the process has ended. */
  async stop(): Promise<void> {
    if (!this.#hasPower) return;
    const start = this.#start;
    await this.#agent?.stop().catch((failure: unknown) => {
      if (!isSkeinError(failure)) this.#host.broken(failure);
    });
    if (this.#start === start) this.cutPower();
  }

  #launch(): void {
    this.#start += 1;
    const start = this.#start;
    const clock = this.#host.clock(this);
    this.#clock = clock;
    const isPresent = (): boolean => this.#start === start && this.#hasPower;
    this.#open(clock, isPresent).catch((failure: unknown) => {
      if (!isPresent()) return;
      if (isSkeinError(failure)) this.#exit(failure);
      else this.#host.broken(failure);
    });
  }

  async #open(clock: VirtualClock, isPresent: () => boolean): Promise<void> {
    this.card.disk.gate = this.gate;
    const data = this.#host.data(this, await this.card.disk.openDataDirectory());
    if (!isPresent()) return;
    this.#data = data;
    const agent = createAgent({ ...this.#host.ports(this, clock), clock, data }, this.#host.configuration(this));
    this.#agent = agent;
    agent.failed.then(
      (failure) => {
        if (isPresent()) this.#exit(failure);
      },
      (cause: unknown) => this.#host.broken(cause),
    );
    await agent.start();
    if (isPresent()) this.#isStarted = true;
  }

  #exit(failure: SkeinError): void {
    this.#end();
    this.#host.exited(this, failure);
    const start = this.#start;
    this.#host.after(restartAfter, `${this.name}: start the process again`, () => {
      if (this.#hasPower && this.#start === start) this.#launch();
    });
  }

  #end(): void {
    this.#start += 1;
    this.#clock?.stop();
    this.#host.cutLinks(this);
    this.#agent = undefined;
    this.#isStarted = false;
    this.card.disk = this.card.disk.crash();
    this.gate.resume(); // what waited belongs to the life that is over
    this.#host.ended(this);
  }
}
