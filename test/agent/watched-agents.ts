// Whole agents with the world's checkers of agreement looking on. What a checker throws ends the run.

import type { SimulatedDisk } from "../../firmware-sim/disk/simulated-disk.ts";
import type { CheckedWorld, Checker, CheckerOf, WatchedLife } from "../../firmware-sim/world/checker.ts";
import { agreementCheckers } from "../../firmware-sim/world/checkers/agreement.ts";
import { overheardData } from "../../firmware-sim/world/overheard-data.ts";
import { overheard } from "../../firmware-sim/world/overheard-links.ts";
import type { AgentPorts } from "../../src/agent/ports.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import type { Instant } from "../../src/base/units.ts";
import type { ReplicaWatch } from "../../src/replica/contract.ts";
import { cloudUrl, VirtualAgents, type VirtualDevice } from "./virtual-agents.ts";

export class WatchedAgents extends VirtualAgents {
  readonly #lives = new Map<string, WatchedLife>();
  protected readonly checkers: readonly Checker[];
  /** A disk is another object after each power cut, and another card only where a test puts one in. */
  readonly #cards = new WeakMap<SimulatedDisk, string>();
  #numberOfCards = 0;
  #numberOfLives = 0;
  /** How often each of these was told. */
  readonly told = new Map<string, number>();

  constructor(seed: number, count: number, checkers: readonly CheckerOf[] = agreementCheckers) {
    super(seed, count);
    const world: CheckedWorld = (({ time, lives }) => ({
      get now(): Instant {
        return time.now;
      },
      lives: () => lives.values(),
      pendingEvents: () => time.pending,
    }))({ time: this.time, lives: this.#lives });
    this.checkers = checkers.map((make) => make(world));
  }

  healed(): void {
    this.tell("healed");
  }

  override crash(device: VirtualDevice): void {
    const card = this.cardOf(device.disk);
    this.#end(device.host);
    super.crash(device);
    this.#cards.set(device.disk, card);
  }

  override async stop(device: VirtualDevice): Promise<void> {
    const card = this.cardOf(device.disk);
    await super.stop(device);
    this.#end(device.host);
    this.#cards.set(device.disk, card);
  }

  protected override watched(device: VirtualDevice, ports: AgentPorts): AgentPorts {
    const { host } = device;
    const card = this.cardOf(device.disk);
    const links = overheard(ports.links, cloudUrl, {
      said: (from, message, to) => this.tell("said", from, host, message, to),
      published: () => this.tell("published", host),
    });
    const data = overheardData(ports.data, {
      synced: (log, position, payload) => this.tell("synced", { card, log, position, payload }),
      recovered: (log, position, payload) => this.tell("recovered", { card, log, position, payload }),
    });
    const generation = (): number => ports.data.identity.generation?.number ?? 1;
    return { ...ports, links, data, watch: (self) => this.#watch({ machine: host, card, self, generation }) };
  }

  #watch(of: Pick<WatchedLife, "machine" | "card" | "generation"> & { readonly self: MemberKey }): ReplicaWatch {
    this.#numberOfLives += 1;
    const number = this.#numberOfLives;
    const living = (): WatchedLife | undefined => {
      const life = this.#lives.get(of.machine);
      return life?.number === number ? life : undefined;
    };
    return {
      opened: (replica, initial) => {
        this.#end(of.machine);
        const life: WatchedLife = { ...of, number, replica };
        this.#lives.set(of.machine, life);
        this.tell("lifeBegan", life, initial);
      },
      stepped: (event, effects) => {
        const life = living();
        if (life !== undefined) this.tell("stepped", life, event, effects);
      },
      applied: (entry, outcome) => {
        const life = living();
        if (life !== undefined) this.tell("applied", life, entry, outcome);
      },
      replaced: () => {
        const life = living();
        if (life !== undefined) this.tell("replaced", life);
      },
    };
  }

  #end(machine: string): void {
    const life = this.#lives.get(machine);
    if (life === undefined) return;
    this.#lives.delete(machine);
    this.tell("lifeEnded", life);
  }

  protected cardOf(disk: SimulatedDisk): string {
    const known = this.#cards.get(disk);
    if (known !== undefined) return known;
    this.#numberOfCards += 1;
    const name = `card-${this.#numberOfCards}`;
    this.#cards.set(disk, name);
    return name;
  }

  protected tell<Name extends Exclude<keyof Checker, "name">>(
    what: Name,
    ...told: Parameters<NonNullable<Checker[Name]>>
  ): void {
    this.told.set(what, (this.told.get(what) ?? 0) + 1);
    for (const checker of this.checkers) {
      (checker[what] as ((...given: typeof told) => void) | undefined)?.call(checker, ...told);
    }
  }
}
