// One device: a Raft core with a disk, a state machine and a place on the network. Plays the replica, and nothing more.

import type { SeededRandom } from "../../../firmware-sim/seeded-random.ts";
import type { VirtualTime } from "../../../firmware-sim/virtual-clock.ts";
import type { MemberKey } from "../../../src/base/ids.ts";
import type { Timer } from "../../../src/base/ports/clock.ts";
import { type Instant, milliseconds, siteTime } from "../../../src/base/units.ts";
import { createRaft } from "../../../src/raft/raft.ts";
import type {
  Entry,
  LogStart,
  Raft,
  RaftEffect,
  RaftEvent,
  RaftLimits,
  RaftMessage,
  RaftStatus,
  RaftTiming,
} from "../../../src/raft/types.ts";
import type { Input } from "../kit.ts";
import type { Checkers } from "./checkers.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { StateMachine } from "./state-machine.ts";
import { Violation } from "./violation.ts";

/** Where a negative control breaks what is right. Nothing in src knows of it. */
export interface Sabotage {
  readonly effect?: (effect: RaftEffect, member: SimulatedMember) => RaftEffect | undefined;
  readonly event?: (event: Input, member: SimulatedMember) => Input | undefined;
  readonly recovering?: (disk: SimulatedDisk) => void;
  /** The disk says that a write is synced before it is. */
  readonly isDiskLying?: boolean;
}

export interface Surroundings {
  readonly time: VirtualTime;
  readonly timing: RaftTiming;
  readonly limits: RaftLimits;
  readonly checkers: Checkers;
  readonly sabotage: Sabotage;
  send(from: MemberKey, to: MemberKey | undefined, message: RaftMessage): void;
  /** A proposal, read or change of `member` was answered. */
  answered(member: SimulatedMember, effect: RaftEffect): void;
  happened(what: "snapshots" | "truncations" | "gaps" | "changes"): void;
  trace(member: MemberKey, what: string, detail: unknown): void;
}

interface Incoming {
  readonly name: string;
  readonly parts: Uint8Array[];
}

export class SimulatedMember {
  readonly key: MemberKey;
  readonly disk: SimulatedDisk;
  /** How long a sync takes; seconds when the card hangs. */
  syncMsMax = 12;
  #raft: Raft | undefined;
  #machine = new StateMachine();
  #life = 0;
  #isPaused = false;
  #missed: Input[] = [];
  #timer: Timer | undefined;
  #waitingSends: { readonly after: number; readonly effect: Extract<RaftEffect, { readonly kind: "send" }> }[] = [];
  #syncedToken = 0;
  #isSyncing = false;
  #incoming: Incoming | undefined;
  #toApply: Entry[] = [];
  readonly #random: SeededRandom;
  readonly #around: Surroundings;

  constructor(key: MemberKey, start: LogStart, random: SeededRandom, around: Surroundings) {
    this.key = key;
    this.#random = random;
    this.#around = around;
    this.disk = new SimulatedDisk(start);
  }

  get isUp(): boolean {
    return this.#raft !== undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get machine(): StateMachine {
    return this.#machine;
  }

  status(): RaftStatus | undefined {
    return this.#raft?.status(this.#around.time.now);
  }

  start(): void {
    if (this.#raft !== undefined) return;
    this.#around.sabotage.recovering?.(this.disk);
    const { time, timing, limits } = this.#around;
    const random = () => this.#random.fraction();
    const initial = this.disk.recover({ self: this.key, timing, limits, random, now: time.now });
    this.#machine = new StateMachine();
    if (this.disk.checkpoint !== undefined) this.#machine.load(this.disk.checkpoint.content);
    this.#raft = createRaft(initial);
    this.#around.checkers.started(this.key, initial);
    this.#around.trace(this.key, "start", { last: initial.start.index + initial.entries.length });
    this.#arm();
  }

  /** A power cut: memory is gone, and so is what was not synced, from some write on. */
  crash(): void {
    if (this.#raft === undefined) return;
    this.#raft = undefined;
    this.#life += 1;
    this.#isPaused = false;
    this.#missed = [];
    this.#timer?.cancel();
    this.#waitingSends = [];
    this.#syncedToken = 0;
    this.#isSyncing = false;
    this.#incoming = undefined;
    this.#toApply = [];
    this.disk.powerCut(this.#random.below(this.disk.unsynced + 1));
    this.#around.trace(this.key, "crash", {});
  }

  pause(): void {
    if (this.#raft !== undefined) this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const missed = this.#missed;
    this.#missed = [];
    for (const event of missed) this.handle(event);
    this.#arm();
  }

  handle(input: Input): void {
    if (this.#raft === undefined) return;
    if (this.#isPaused) {
      if (this.#missed.length < 500) this.#missed.push(input);
      return;
    }
    const event = this.#around.sabotage.event ? this.#around.sabotage.event(input, this) : input;
    if (event === undefined) return;
    const { time, checkers } = this.#around;
    this.#around.trace(this.key, "event", event);
    const effects = this.#raft.step({ ...event, now: time.now, siteTime: siteTime(1_000 + time.now) } as RaftEvent);
    const status = this.#raft.status(time.now);
    const altered = this.#alter(effects);
    for (const effect of altered) this.#around.trace(this.key, "effect", effect);
    checkers.stepped(this, event, altered, status);
    for (const effect of altered) this.#carryOut(effect);
    const due = this.#raft?.nextTick();
    if (event.kind === "tick" && due !== undefined && due <= time.now) throw new Violation(`${this.key} spins`);
    this.#arm();
  }

  /** Writes the present state as a checkpoint, when what is in it is synced. */
  checkpoint(): void {
    const status = this.status();
    if (status === undefined || this.#isPaused || this.#machine.index > status.synced) return;
    const { index, digest } = this.#machine;
    if (index <= (this.disk.checkpoint?.index ?? 0)) return;
    const term = this.#around.checkers.committedTerm(index);
    if (term === undefined) return;
    const voters = this.#around.checkers.votersAt(index);
    const content = this.#machine.save();
    this.#later(5 + this.#random.below(40), () => {
      this.disk.store({ index, term, voters, digest, content });
      this.handle({ kind: "checkpointed", index, digest, bytes: content.length });
    });
  }

  #alter(effects: readonly RaftEffect[]): readonly RaftEffect[] {
    const { effect: alter } = this.#around.sabotage;
    if (alter === undefined) return effects;
    return effects.map((effect) => alter(effect, this)).filter((effect) => effect !== undefined);
  }

  #carryOut(effect: RaftEffect): void {
    switch (effect.kind) {
      case "persist":
        this.#count(effect);
        this.disk.write(effect);
        this.#sync(effect.urgent);
        if (this.#around.sabotage.isDiskLying) this.#confirm(effect.token);
        return;
      case "send":
        if (effect.after !== undefined && effect.after > this.#syncedToken) {
          this.#waitingSends.push({ after: effect.after, effect });
        } else this.#send(effect);
        return;
      case "apply":
        this.#toApply.push(...effect.entries);
        this.#later(this.#random.below(4), () => this.#apply());
        return;
      case "compacted":
        this.disk.compact(effect.start);
        return;
      case "serve-chunk":
        this.#serve(effect);
        return;
      case "store-chunk":
        this.#store(effect);
        return;
      case "transfer-ended":
      case "proposed":
      case "proposal-refused":
      case "read-ready":
      case "read-refused":
        this.#around.answered(this, effect);
        return;
      case "role":
      case "diverged":
        return;
    }
  }

  #sync(isUrgent: boolean): void {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    this.#later(1 + this.#random.below(this.syncMsMax) + (isUrgent ? 0 : 50), () => {
      this.#isSyncing = false;
      const token = this.disk.sync();
      if (token !== undefined) this.#confirm(token);
    });
  }

  #confirm(token: number): void {
    this.#syncedToken = token;
    const ready = this.#waitingSends.filter((one) => one.after <= token);
    this.#waitingSends = this.#waitingSends.filter((one) => one.after > token);
    for (const { effect } of ready) this.#send(effect);
    this.handle({ kind: "persisted", token });
  }

  #send(effect: Extract<RaftEffect, { readonly kind: "send" }>): void {
    if (effect.message.kind === "gap") this.#around.happened("gaps");
    this.#around.checkers.sent(this.key, effect.message, effect.to);
    this.#around.send(this.key, effect.to, effect.message);
  }

  /** In the order of delivery, whichever of the delays ends first. */
  #apply(): void {
    for (const entry of this.#toApply.splice(0)) if (entry.index > this.#machine.index) this.#machine.apply(entry);
    this.handle({ kind: "applied", index: this.#machine.index });
  }

  #count(persist: Extract<RaftEffect, { readonly kind: "persist" }>): void {
    if (persist.truncateAfter !== undefined) this.#around.happened("truncations");
    for (const entry of persist.entries) if (entry.kind === "voters") this.#around.happened("changes");
  }

  #serve(effect: Extract<RaftEffect, { readonly kind: "serve-chunk" }>): void {
    const { name, offset, term, to } = effect;
    const stored = this.disk.checkpoint;
    if (stored?.digest !== name.digest || stored.index !== name.index) {
      this.#later(0, () => this.handle({ kind: "checkpoint-gone", name }));
      return;
    }
    const end = Math.min(stored.content.length, offset + this.#around.limits.snapshotChunkBytes);
    const data = stored.content.slice(offset, end);
    this.#later(this.#random.below(5), () => {
      const isLast = end === stored.content.length;
      this.#around.send(this.key, to, { kind: "snapshot-chunk", term, name, offset, data, isLast });
    });
  }

  #store(effect: Extract<RaftEffect, { readonly kind: "store-chunk" }>): void {
    const { name, offset, data, isLast, voters } = effect;
    const whole = JSON.stringify(name);
    if (offset === 0) this.#incoming = { name: whole, parts: [] };
    if (this.#incoming?.name !== whole) throw new Error("chunks of two snapshots mix");
    this.#incoming.parts.push(data);
    if (!isLast) return;
    const content = Buffer.concat(this.#incoming.parts);
    this.#incoming = undefined;
    this.#later(10 + this.#random.below(60), () => {
      const machine = new StateMachine();
      machine.load(content);
      if (machine.digest !== name.digest || machine.index !== name.index) throw new Error("a snapshot was damaged");
      if (this.#random.fraction() < 0.1) {
        this.handle({ kind: "snapshot-failed", name, reason: "as drawn" });
        return;
      }
      this.disk.store({ index: name.index, term: name.term, voters, digest: name.digest, content });
      this.#machine = machine;
      this.#around.happened("snapshots");
      this.handle({ kind: "snapshot-installed", name, voters });
    });
  }

  #arm(): void {
    this.#timer?.cancel();
    const due: Instant | undefined = this.#raft?.nextTick();
    if (due === undefined || this.#isPaused) return;
    const { time } = this.#around;
    this.#timer = time.schedule(milliseconds(due - time.now), "tick", () => this.handle({ kind: "tick" }));
  }

  /** Never after the power cut. */
  #later(delayMs: number, task: () => void): void {
    const life = this.#life;
    this.#around.time.schedule(milliseconds(delayMs), "later", () => {
      if (this.#life === life) task();
    });
  }
}
