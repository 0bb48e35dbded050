// A small site in virtual time: members, a network and chance, all from one seed.
//
// A safety phase with faults; then the faults stop, and the site must heal: one leader, and what is proposed commits and is
// applied everywhere.

import { SeededRandom } from "../../../firmware-sim/seeded-random.ts";
import { VirtualTime } from "../../../firmware-sim/virtual-clock.ts";
import type { MemberKey } from "../../../src/base/ids.ts";
import { type LogIndex, logIndex, milliseconds, seconds, term } from "../../../src/base/units.ts";
import type { LogStart, RaftEffect, RaftLimits, RaftMessage, TransferOutcome } from "../../../src/raft/types.ts";
import { memberNamed, timing } from "../kit.ts";
import { Checkers } from "./checkers.ts";
import { type Sabotage, SimulatedMember } from "./simulated-member.ts";
import { fair, SimulatedNetwork, type Weather } from "./simulated-network.ts";
import { Violation } from "./violation.ts";

/** Each number is how often in a hundred actions; an action comes about every 45 ms. */
export interface Faults {
  readonly weather: Weather;
  /** Power cuts, one in eight of everyone at once. */
  readonly crashes: number;
  /** A process stands still for up to 5 s. */
  readonly pauses: number;
  /** Some members are cut from the others, in one direction or both. */
  readonly cuts: number;
  /** All cuts end. */
  readonly reunions: number;
  /** A disk begins to hang for seconds at each sync, or ceases to. */
  readonly slowDisks: number;
  /** Changes of the voters, to any few members. */
  readonly changes: number;
  /** The leadership is handed over, to any member. */
  readonly transfers: number;
  /** Somebody is told that its leader left, which is a lie as often as not. */
  readonly wills: number;
}

export interface Plan {
  readonly members: number;
  readonly voters: number;
  readonly stormMs: number;
  /** The largest election timeout above the smallest: the less, the more candidates collide. */
  readonly timeoutSpreadMs: number;
  readonly faults: Faults;
  readonly sabotage?: (checkers: () => Checkers) => Sabotage;
}

export interface Report {
  readonly committed: number;
  readonly proposed: number;
  readonly leaders: number;
  readonly reads: number;
  /** Joint configurations left. */
  readonly changes: number;
  readonly snapshots: number;
  readonly crashes: number;
  /** Truncations of a log; questions for a gap; repairs for everyone; refused proposals because of a bound. */
  readonly truncations: number;
  readonly gaps: number;
  readonly busy: number;
  /** Hand-overs, and those of them whose target leads. */
  readonly transfers: number;
  readonly handedOver: number;
}

/** Small, so that every bound is met. */
const smallLimits: RaftLimits = {
  batchBytes: 400,
  windowBytes: 1_600,
  uncommittedBytes: 4_000,
  repairBytesPerSecond: 16_000,
  tailEntries: 12,
  tailBytes: 1_200,
  snapshotChunkBytes: 64,
};

export class World {
  readonly time = new VirtualTime();
  readonly members: SimulatedMember[] = [];
  readonly checkers: Checkers;
  readonly network: SimulatedNetwork;
  readonly trace: string[] = [];
  readonly #random: SeededRandom;
  readonly #plan: Plan;
  readonly #isTraced: boolean;
  readonly #reads = new Map<number, LogIndex>();
  #context = 0;
  #handingOver: number | undefined;
  #handedOver: TransferOutcome | undefined;
  readonly #counts = {
    proposed: 0,
    reads: 0,
    changes: 0,
    snapshots: 0,
    crashes: 0,
    truncations: 0,
    gaps: 0,
    busy: 0,
    transfers: 0,
    handedOver: 0,
  };

  constructor(seed: number, plan: Plan, isTraced = false) {
    this.#random = new SeededRandom(seed);
    this.#plan = plan;
    this.#isTraced = isTraced;
    const keys = Array.from({ length: plan.members }, (_, i) => memberNamed(`pi-${i + 1}`));
    const start: LogStart = { index: logIndex(0), term: term(0), voters: { current: keys.slice(0, plan.voters) } };
    this.checkers = new Checkers({
      time: () => this.time.now,
      members: () => this.members,
      shortestTimeout: timing.electionTimeoutMin,
      voters: start.voters,
    });
    this.network = new SimulatedNetwork(this.time, this.#random.fork("network"), (to, from, message, broadcast) => {
      this.#member(to)?.handle({ kind: "received", from, message, broadcast });
    });
    const sabotage = plan.sabotage?.(() => this.checkers) ?? {};
    for (const key of keys) {
      const random = this.#random.fork(key);
      const member = new SimulatedMember(key, start, random, {
        time: this.time,
        timing: { ...timing, electionTimeoutMax: milliseconds(timing.electionTimeoutMin + plan.timeoutSpreadMs) },
        limits: smallLimits,
        checkers: this.checkers,
        sabotage,
        send: (from, to, message) => this.#send(from, to, message),
        answered: (one, effect) => this.#answered(one, effect),
        trace: (one, what, detail) => this.#trace(one, what, detail),
        happened: (what) => {
          this.#counts[what] += 1;
        },
      });
      this.members.push(member);
      this.network.connect(key);
    }
  }

  run(): Report {
    for (const member of this.members) member.start();
    this.#storm();
    this.#heal();
    return { committed: this.checkers.committed, leaders: this.checkers.leaderTerms, ...this.#counts };
  }

  #storm(): void {
    const { faults, stormMs } = this.#plan;
    this.network.weather = faults.weather;
    this.time.run(milliseconds(this.#random.below(3_000)));
    const end = this.time.now + stormMs;
    while (this.time.now < end) {
      this.time.run(milliseconds(5 + this.#random.below(80)));
      this.#act();
    }
  }

  #act(): void {
    const { faults } = this.#plan;
    const member = this.#anyMember();
    const actions: readonly (readonly [number, () => void])[] = [
      [faults.crashes, () => this.#crash(member)],
      [faults.pauses, () => this.#pause(member)],
      [faults.cuts, () => this.#cut()],
      [faults.slowDisks, () => this.#toggleDisk(member)],
      [faults.changes, () => this.#change(member)],
      [faults.transfers, () => this.#transfer()],
      [faults.wills, () => this.#lastWill()],
      [5, () => member.start()],
      [faults.reunions, () => this.network.heal()],
      [10, () => this.#read(member)],
      [8, () => member.checkpoint()],
      [3, () => member.handle({ kind: "probe", member: this.#anyMember().key })],
    ];
    let draw = this.#random.fraction() * 100;
    for (const [share, action] of actions) {
      if (draw < share) {
        action();
        return;
      }
      draw -= share;
    }
    this.#propose(member);
  }

  #toggleDisk(member: SimulatedMember): void {
    member.syncMsMax = member.syncMsMax > 100 ? 12 : 2_500;
  }

  #propose(member: SimulatedMember): void {
    const proposals = Array.from({ length: 1 + this.#random.below(3) }, () => {
      this.#context += 1;
      return { context: this.#context, command: this.#random.bytes(this.#random.below(120)) };
    });
    member.handle({ kind: "propose", proposals });
  }

  #read(member: SimulatedMember): void {
    this.#context += 1;
    this.#reads.set(this.#context, this.checkers.committed);
    member.handle({ kind: "read", context: this.#context });
  }

  #change(member: SimulatedMember): void {
    this.#context += 1;
    const count = 1 + this.#random.below(Math.min(5, this.members.length));
    const isDisjoint = this.#random.below(3) === 0;
    const present = member.status()?.voters.current ?? [];
    const eligible = this.members.map((one) => one.key).filter((key) => !isDisjoint || !present.includes(key));
    const voters = shuffle(eligible, this.#random).slice(0, count);
    if (voters.length === 0) return;
    member.handle({ kind: "change-voters", context: this.#context, voters });
  }

  #transfer(): void {
    const to = this.#anyMember().key;
    this.#context += 1;
    for (const one of this.members) {
      if (one.status()?.role === "leader") one.handle({ kind: "transfer", context: this.#context, to });
    }
  }

  /** To everybody, or to some. */
  #lastWill(): void {
    const isForAll = this.#random.below(2) === 0;
    for (const one of this.members) {
      const leader = one.status()?.leader;
      if (leader === undefined || !(isForAll || this.#random.below(2) === 0)) continue;
      one.handle({ kind: "leader-left", leader });
    }
    if (this.#random.below(2) === 0) for (const one of this.members) one.handle({ kind: "speak-up" });
  }

  #crash(member: SimulatedMember): void {
    this.#counts.crashes += 1;
    const struck = this.#random.below(8) === 0 ? this.members : [member];
    for (const one of struck) one.crash();
    if (this.#random.below(2) === 0) return;
    // Often it is back at once, in the middle of what the others were doing with it.
    this.time.schedule(milliseconds(this.#random.below(300)), "power", () => {
      for (const one of struck) one.start();
    });
  }

  #pause(member: SimulatedMember): void {
    member.pause();
    this.time.schedule(milliseconds(this.#random.below(5_000)), "resume", () => member.resume());
  }

  #cut(): void {
    const members = shuffle([...this.members], this.#random);
    const side = new Set(members.slice(0, 1 + this.#random.below(members.length - 1)));
    const isOneWay = this.#random.below(2) === 0;
    for (const one of members) {
      for (const other of members) {
        if (side.has(one) === side.has(other)) continue;
        if (!isOneWay || side.has(one)) this.network.cut(one.key, other.key);
      }
    }
  }

  /** Faults stop: within half a minute there is one leader, and a new proposal is applied everywhere. */
  #heal(): void {
    this.network.weather = fair;
    this.network.heal();
    for (const member of this.members) {
      member.syncMsMax = 12;
      member.resume();
      member.start();
    }
    this.time.run(seconds(20));
    const leaders = this.members.filter((one) => one.status()?.hasAuthority);
    const [leader] = leaders;
    if (leader === undefined || leaders.length > 1) throw new Violation(`heals: ${leaders.length} leaders after 20 s`);
    const before = this.checkers.committed;
    for (let i = 0; i < 5; i++) this.#propose(leader);
    this.time.run(seconds(5));
    this.#handOver(leader);
    this.time.run(seconds(5));
    if (this.checkers.committed <= before) throw new Violation("heals: a new proposal does not commit within 10 s");
    for (const member of this.members) {
      const isEqual =
        member.machine.index === this.checkers.committed && member.machine.digest === leader.machine.digest;
      if (!isEqual) {
        throw new Violation(`heals: ${member.key} applied ${member.machine.index} of ${this.checkers.committed}`);
      }
    }
  }

  /** Nothing is wrong: another voter takes over when it is asked to. */
  #handOver(leader: SimulatedMember): void {
    const [to] = leader.status()?.voters.current.filter((voter) => voter !== leader.key) ?? [];
    if (to === undefined) return;
    this.#context += 1;
    this.#handingOver = this.#context;
    leader.handle({ kind: "transfer", context: this.#context, to });
    this.time.run(seconds(4));
    if (this.#handedOver !== "done")
      throw new Violation(`heals: ${leader.key} hands over to ${to}: ${this.#handedOver}`);
  }

  #send(from: MemberKey, to: MemberKey | undefined, message: RaftMessage): void {
    this.network.send(from, to, message);
  }

  #answered(member: SimulatedMember, effect: RaftEffect): void {
    if (effect.kind === "read-ready") {
      const least = this.#reads.get(effect.context) ?? 0;
      if (effect.index < least) {
        throw new Violation(`linearizable: a read at ${member.key} sees ${effect.index}, ${least} was committed`);
      }
      if (member.machine.index < effect.index)
        throw new Violation(`a read is ready at ${member.key} before it is applied`);
      this.#counts.reads += 1;
    }
    if (effect.kind === "proposed") this.#counts.proposed += 1;
    if (effect.kind === "transfer-ended") this.#transferred(effect);
    if (effect.kind === "proposal-refused" && effect.reason === "busy") this.#counts.busy += 1;
  }

  #transferred({ outcome, context }: Extract<RaftEffect, { readonly kind: "transfer-ended" }>): void {
    this.#counts.transfers += 1;
    if (outcome === "done") this.#counts.handedOver += 1;
    if (context === this.#handingOver) this.#handedOver = outcome;
  }

  #trace(member: MemberKey, what: string, detail: unknown): void {
    if (!this.#isTraced) return;
    const text = JSON.stringify(detail, (_, value: unknown) =>
      value instanceof Uint8Array ? `${value.length} B` : value,
    );
    this.trace.push(
      `${this.time.now} ${member.slice(0, member.indexOf("@"))} ${what} ${text.replaceAll(/@0{32}/g, "")}`,
    );
  }

  #anyMember(): SimulatedMember {
    return this.members[this.#random.below(this.members.length)] as SimulatedMember;
  }

  #member(key: MemberKey): SimulatedMember | undefined {
    return this.members.find((one) => one.key === key);
  }
}

function shuffle<T>(items: T[], random: SeededRandom): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
