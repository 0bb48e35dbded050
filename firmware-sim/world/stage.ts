// What the story of a scenario may do with a world, and how it makes sure that it came to pass.

import { type Duration, milliseconds, seconds } from "../../src/base/units.ts";
import type { Cut } from "../network-path.ts";
import { Violation } from "./checker.ts";
import type { PlannedFault } from "./fault.ts";
import type { Machine } from "./machine.ts";
import type { RegisterClient } from "./register-client.ts";
import type { World } from "./world.ts";

const coordinatorWithin = seconds(60);

export class Stage {
  readonly world: World;
  /** Do only what the story tells them. */
  readonly #people: readonly RegisterClient[];
  readonly #begin: (fault: PlannedFault) => void;
  readonly #tells: (() => readonly string[])[] = [];

  constructor(world: World, people: readonly RegisterClient[], begin: (fault: PlannedFault) => void) {
    this.world = world;
    this.#people = people;
    this.#begin = begin;
  }

  /** Lines for the person who plays it, once the site has healed. */
  get told(): readonly string[] {
    return this.#tells.flatMap((tell) => tell());
  }

  atTheEnd(tell: () => readonly string[]): void {
    this.#tells.push(tell);
  }

  async wait(span: Duration): Promise<void> {
    await this.world.run(span);
  }

  /** The story goes on once it holds; looked at each 100 ms. */
  async until(what: string, holds: () => boolean, within: Duration): Promise<void> {
    if (await this.world.runUntil(holds, within)) return;
    throw new Violation("scenario", `not within ${within / 1000} s: ${what}`);
  }

  /** Time goes on until `task` is done. */
  async during<Result>(what: string, task: Promise<Result>, within: Duration): Promise<Result> {
    let result: { readonly value: Result } | undefined;
    task.then(
      (value) => {
        result = { value };
      },
      (failure: unknown) => this.world.break(failure),
    );
    await this.until(what, () => result !== undefined, within);
    return await task;
  }

  /** The story is not this one otherwise. */
  expect(what: string, holds: boolean): void {
    this.world.note(`${holds ? "" : "not "}so: ${what}`);
    if (!holds) throw new Violation("scenario", `not so: ${what}`);
  }

  /** Waits for one with authority. */
  async coordinator(): Promise<Machine> {
    await this.until("there is a coordinator", () => this.world.coordinator() !== undefined, coordinatorWithin);
    const coordinator = this.world.coordinator();
    if (coordinator === undefined) throw new Violation("scenario", "the coordinator is gone at once");
    return coordinator;
  }

  /** Waits for as many voters as the policy wants, no change of them under way; the coordinator first. */
  async voters(count: number): Promise<readonly Machine[]> {
    const isSo = (): boolean => {
      const leader = this.world.coordinator();
      const status = leader && this.world.checkpost.life(leader.name)?.replica.status();
      const isSettled = status?.isVotersCommitted === true && status.voters.incoming === undefined;
      return isSettled && status.voters.current.length === count;
    };
    await this.until(`there are ${count} voters`, isSo, seconds(60));
    const leader = await this.coordinator();
    const voters = this.world.machines.filter((machine) => machine.status()?.isVoter === true && machine !== leader);
    return [leader, ...voters];
  }

  /** A fault of those that chance draws, too; it ends by itself, at the latest when the site must heal. */
  fault(kind: string, how: Partial<Omit<PlannedFault, "kind">> = {}): void {
    this.#begin({ kind, at: 0, lasts: 1_000, target: 0, strength: 0.5, ...how });
  }

  cut(machine: Machine, how: Cut = "both", urls = this.urls): void {
    for (const url of urls) this.world.network.cut(machine.name, url, how);
  }

  mend(machine: Machine, urls = this.urls): void {
    for (const url of urls) this.world.network.heal(machine.name, url);
  }

  get urls(): readonly string[] {
    return this.world.brokers.map(({ url }) => url);
  }

  /** Somebody at each broker changes the configuration, again and again, until one of them has a change acknowledged. */
  async writes(what: string, within: Duration): Promise<void> {
    let isDone = false;
    let isOver = false;
    const again = async (person: RegisterClient): Promise<void> => {
      while (!isDone && !isOver) if (await person.write()) isDone = true;
    };
    for (const person of this.#people.slice(0, this.world.brokers.length)) {
      again(person).catch((failure: unknown) => this.world.break(failure));
    }
    try {
      await this.until(what, () => isDone, within);
    } finally {
      isOver = true;
    }
  }

  /** All people look at the configuration, so that they can change it without asking first. */
  async peopleRead(): Promise<void> {
    let answered = 0;
    for (const person of this.#people) {
      person.readForWriting().then(
        (isAnswered) => {
          if (isAnswered) answered += 1;
        },
        (failure: unknown) => this.world.break(failure),
      );
    }
    await this.wait(seconds(2));
    this.expect("some people have read the configuration", answered > this.#people.length / 2);
  }

  /** Several people begin to change the configuration at once, all at `machine`; what comes of it is seen later. */
  beginWrites(machine: Machine): void {
    for (const person of this.#people) {
      person.write(machine.device).catch((failure: unknown) => this.world.break(failure));
    }
  }

  /** How far the machine's log goes and is committed, and what it votes; undefined: it does not run. */
  replicaOf(machine: Machine) {
    return this.world.checkpost.life(machine.name)?.replica.status();
  }

  /** How often another member than before has become the coordinator since `from`; looked at each 100 ms. */
  async changesDuring(span: Duration): Promise<number> {
    let last = this.world.coordinator();
    let changes = 0;
    const until = this.world.time.now + span;
    while (this.world.time.now < until) {
      await this.world.run(milliseconds(100));
      const now = this.world.coordinator();
      if (now === undefined || now === last) continue;
      if (last !== undefined) changes += 1;
      last = now;
    }
    return changes;
  }
}
