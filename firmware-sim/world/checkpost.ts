// Where everything that happens in a world is told to its checkers, and where the first broken promise is kept.
//
// Checkers are called from the midst of the agents, so what they throw is caught here: the world ends at the next event.

import type { MemberKey } from "../../src/base/ids.ts";
import type { Instant } from "../../src/base/units.ts";
import type { ReplicaWatch, WatchedReplica } from "../../src/replica/contract.ts";
import type { VirtualTime } from "../virtual-clock.ts";
import type { Checker, CheckerOf, WatchedLife } from "./checker.ts";

type Told = Exclude<keyof Checker, "name">;

export interface WatchedMachine {
  readonly machine: string;
  readonly card: string;
  generation(): number;
}

/** A life and whether it goes on: the replica of a machine without power says nothing any more. */
interface Life extends WatchedLife {
  isOver: boolean;
}

export class Checkpost {
  readonly #checkers: readonly Checker[];
  /** Who listens to what, in the order of the checkers. */
  readonly #listeners = new Map<Told, readonly Checker[]>();
  readonly #now: () => Instant;
  readonly #lives = new Map<string, Life>();
  #lastLife = 0;
  #failure: unknown;

  constructor(time: Pick<VirtualTime, "now" | "pending">, checkers: readonly CheckerOf[]) {
    this.#now = () => time.now;
    const lives = (): Iterable<WatchedLife> => this.#lives.values();
    const world = {
      get now(): Instant {
        return time.now;
      },
      pendingEvents: () => time.pending,
      lives,
    };
    this.#checkers = checkers.map((make) => make(world));
  }

  /** What a checker threw first; undefined: nothing yet. */
  get failure(): unknown {
    return this.#failure;
  }

  get now(): Instant {
    return this.#now();
  }

  lives(): Iterable<WatchedLife> {
    return this.#lives.values();
  }

  life(machine: string): WatchedLife | undefined {
    return this.#lives.get(machine);
  }

  tell<Name extends Told>(what: Name, ...told: Parameters<NonNullable<Checker[Name]>>): void {
    if (this.#failure !== undefined) return;
    try {
      for (const checker of this.#listenersOf(what)) (checker[what] as (...given: typeof told) => void)(...told);
    } catch (failure) {
      this.#failure = failure;
    }
  }

  #listenersOf(what: Told): readonly Checker[] {
    let listeners = this.#listeners.get(what);
    if (listeners === undefined) {
      listeners = this.#checkers.filter((checker) => checker[what] !== undefined);
      this.#listeners.set(what, listeners);
    }
    return listeners;
  }

  /** What the first checker that is not content yet says; undefined: the site has healed. */
  waitsFor(): string | undefined {
    for (const checker of this.#checkers) {
      const reason = checker.waitsFor?.();
      if (reason !== undefined) return `${checker.name}: ${reason}`;
    }
    return undefined;
  }

  /** The watch of one life of the machine's replica; the life before, if it goes on, ends here. */
  watch(of: WatchedMachine, self: MemberKey): ReplicaWatch {
    const { machine } = of;
    let life: Life | undefined;
    const begin = (replica: WatchedReplica): Life => {
      this.end(machine);
      this.#lastLife += 1;
      const begun = { number: this.#lastLife, ...of, self, replica, isOver: false };
      this.#lives.set(machine, begun);
      return begun;
    };
    return {
      opened: (replica, initial) => {
        life = begin(replica);
        this.tell("lifeBegan", life, initial);
      },
      stepped: (event, effects) => {
        if (life !== undefined && !life.isOver) this.tell("stepped", life, event, effects);
      },
      applied: (entry, outcome) => {
        if (life !== undefined && !life.isOver) this.tell("applied", life, entry, outcome);
      },
      replaced: () => {
        if (life !== undefined && !life.isOver) this.tell("replaced", life);
      },
    };
  }

  end(machine: string): void {
    const life = this.#lives.get(machine);
    if (life === undefined) return;
    life.isOver = true;
    this.#lives.delete(machine);
    this.tell("lifeEnded", life);
  }
}
