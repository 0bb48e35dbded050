// One device's copy of the site: the Raft core, its log on disk and the state machine, driven together.
//
// Events go into the core one at a time; its effects are carried out in their order. What an effect brings about (a synced
// write, an applied entry) comes back as a further event, queued behind the one being handled.

import type { SkeinError } from "../base/errors.ts";
import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Timer } from "../base/ports/clock.ts";
import type { LogUsage } from "../base/ports/log-file.ts";
import { between, type Duration, type Instant, type LogIndex } from "../base/units.ts";
import { createRaft } from "../raft/raft.ts";
import type { Raft, RaftEffect, RaftEvent, RaftMessage, RaftStatus, TransferOutcome } from "../raft/types.ts";
import { encodeProposal } from "../site/command-codec.ts";
import type { SiteState } from "../site/state.ts";
import type { ClientSerial, Command } from "../site/types.ts";
import { Applying } from "./applying.ts";
import { CheckpointKeeper } from "./checkpoint-keeper.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type {
  ReplicaObserver,
  ReplicaParts,
  ReplicaPorts,
  ReplicaVoice,
  ReplicaWatch,
  RoleChange,
} from "./contract.ts";
import { DurableSends } from "./durable-sends.ts";
import { ProposalQueue } from "./proposal-queue.ts";
import type { RaftLog } from "./raft-log.ts";
import { SnapshotTransfer } from "./snapshot-transfer.ts";
import { type SubmissionResult, Submissions } from "./submissions.ts";
import { NewestBeat, withTime } from "./timed-messages.ts";
import { type ProposalResult, WaitingProposals } from "./waiting-proposals.ts";
import { WaitingReads } from "./waiting-reads.ts";
import { WaitingTransfers } from "./waiting-transfers.ts";

type EventBody = RaftEvent extends infer E ? (E extends RaftEvent ? Omit<E, "now" | "siteTime"> : never) : never;
export class Replica {
  readonly #ports: ReplicaPorts;
  readonly #voice: ReplicaVoice;
  readonly #observer: ReplicaObserver;
  readonly #watch: ReplicaWatch | undefined;
  readonly #self: MemberKey;
  readonly #raft: Raft;
  readonly #log: RaftLog;
  readonly #checkpoints: Checkpoints;
  readonly #sends: DurableSends;
  readonly #transfer: SnapshotTransfer;
  readonly #keeper: CheckpointKeeper;
  readonly #waiting = new WaitingProposals();
  readonly #reads: WaitingReads;
  readonly #transfers = new WaitingTransfers();
  readonly #timeTold = new NewestBeat();
  readonly #submissions: Submissions;
  readonly #events: RaftEvent[] = [];
  readonly #proposals: ProposalQueue;
  readonly #applying: Applying;
  #role: RoleChange;
  #isStepping = false;
  #isStopped = true;
  #stopping: Promise<void> | undefined;
  #timer: Timer | undefined;
  #timerAt: Instant | undefined;

  constructor(ports: ReplicaPorts, parts: ReplicaParts, voice: ReplicaVoice, observer: ReplicaObserver) {
    this.#ports = ports;
    this.#voice = voice;
    this.#observer = observer;
    this.#watch = ports.watch;
    this.#self = parts.self;
    this.#log = parts.log;
    this.#checkpoints = parts.checkpoints;
    this.#raft = createRaft(parts.initial);
    const status = this.#raft.status(ports.clock.now());
    this.#role = { kind: "role", role: status.role, term: status.term, leader: undefined, why: status.why };
    this.#sends = new DurableSends(ports.clock, parts.log, {
      send: (to, message) => {
        const timed = withTime(message, ports.siteClock);
        if (to === undefined) voice.broadcast(timed);
        else voice.send(to, timed);
      },
      persisted: (token) => this.#enter({ kind: "persisted", token }),
      failed: (failure) => this.#fail(failure),
    });
    const served = { checkpoints: parts.checkpoints, chunkBytes: parts.initial.limits.snapshotChunkBytes };
    this.#transfer = new SnapshotTransfer(ports.clock, served, {
      chunk: ({ to, term, name, offset }, { data, isLast }) =>
        voice.send(to, { kind: "snapshot-chunk", term, name, offset, data, isLast }),
      gone: (name) => this.#enter({ kind: "checkpoint-gone", name }),
      installed: (name, voters, state) => {
        this.#applying.replace(state, name.index, voters);
        this.#enter({ kind: "snapshot-installed", name, voters });
        this.#applying.now();
      },
      rejected: (name, reason) => {
        ports.logger.warn({ snapshot: name.index, from: name.leader, reason }, "snapshot not installed");
        this.#enter({ kind: "snapshot-failed", name, reason });
        this.#applying.now();
      },
      failed: (failure) => this.#fail(failure),
      appliedIndex: () => this.#applying.index,
      checkpointsSettled: () => this.#keeper.settled(),
    });
    this.#keeper = new CheckpointKeeper(parts.checkpoints, parts, {
      saved: ({ start, digest, bytes }) =>
        this.#sends.whenSynced(() => this.#enter({ kind: "checkpointed", index: start.index, digest, bytes })),
      diverged: (detail) => observer.diverged(detail),
      postponed: (failure) => ports.logger.error({ why: failure.message }, "no checkpoint: the disk is full"),
      failed: (failure) => this.#fail(failure),
    });
    this.#applying = new Applying(
      ports,
      { state: parts.state, index: status.applied, log: parts.log, keeper: this.#keeper, waiting: this.#waiting },
      {
        isHeld: () => this.#isStopped || this.#transfer.isInstalling,
        leadsIn: () => (this.isLeader ? this.#role.term : undefined),
        appliedUpTo: (index) => this.#enter({ kind: "applied", index }),
        propose: (command, done) => this.propose(command, ({ kind }) => done(kind === "done")),
        observer,
      },
    );
    this.#proposals = new ProposalQueue(ports.clock, () => this.#work());
    this.#reads = new WaitingReads(ports.clock);
    this.#submissions = new Submissions(ports, {
      leader: () => this.#role.leader,
      isSelf: (member) => member === this.#self,
      propose: (command, done) => this.#propose(command, done),
      forward: (to, client, command) => voice.forward(to, client, command),
    });
    ports.watch?.opened(this, parts.initial);
  }

  /** The newest applied state; replaced as a whole when a snapshot is installed, so do not keep it. */
  get state(): SiteState {
    return this.#applying.state;
  }

  get appliedIndex(): LogIndex {
    return this.#applying.index;
  }

  get role(): RoleChange {
    return this.#role;
  }

  get isLeader(): boolean {
    return this.#role.role === "leader";
  }

  status(): RaftStatus {
    return this.#raft.status(this.#ports.clock.now());
  }

  usage(): LogUsage {
    return this.#log.usage();
  }

  start(): void {
    if (!this.#isStopped || this.#stopping !== undefined) return;
    this.#isStopped = false;
    this.#enter({ kind: "tick" });
  }

  /** Writes what was gathered and closes the log; nothing is sent any more. Not a leave. Idempotent, for good. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  received(from: MemberKey, broadcast: boolean, message: RaftMessage): void {
    if (this.state.isGone(from)) return; // a removed incarnation has no say, whatever its term (RAFT-CASES 7)
    this.#enter({ kind: "received", from, broadcast, message });
    // Of the coordinator alone: a deposed one's clock counts no more, nor does what a thawed broker delivers of it.
    const { siteClock } = this.#ports;
    if (message.term !== this.#role.term) return;
    if (message.kind === "append" && this.#role.leader === from && this.#timeTold.isNext(message))
      siteClock.heard(message.siteTime);
    if (message.kind === "append-ack" && message.idea !== undefined && this.isLeader)
      siteClock.acknowledged(from, message.idea, this.status().voters);
  }

  /** A proposal of another member's client; it is answered once its outcome is known. */
  receivedProposal(from: MemberKey, client: ClientSerial, command: Uint8Array): void {
    this.#propose(command, (result) => this.#voice.answer(from, client, result));
  }

  receivedAnswer(client: ClientSerial, result: ProposalResult): void {
    this.#submissions.answered(client, result);
  }

  /** As coordinator, for commands whose repeat is harmless. */
  propose(command: Command, done: (result: ProposalResult) => void): void {
    this.#propose(encodeProposal({ client: undefined, command }), done);
  }

  /** From any member: `done` is called once, at the latest after `within`; then the outcome is unknown. */
  submit(client: ClientSerial, command: Command, within: Duration, done: (result: SubmissionResult) => void): void {
    this.#submissions.submit(client, encodeProposal({ client, command }), within, done);
  }

  changeVoters(voters: readonly MemberKey[], done: (result: ProposalResult) => void): void {
    if (this.#isStopped) {
      done({ kind: "unknown" });
      return;
    }
    this.#enter({ kind: "change-voters", context: this.#waiting.add(done), voters });
  }

  /** As coordinator, to another voter. No proposal is taken meanwhile; if it does not take over, this device goes on. */
  transferLeadership(to: MemberKey, done: (outcome: TransferOutcome) => void): void {
    if (this.#isStopped) done("unknown");
    else this.#enter({ kind: "transfer", context: this.#transfers.add(done), to });
  }

  /** A cell of the state, also one whose bytes are on the disk alone. Undefined: there is none (any more). */
  async readCell(key: string): Promise<Uint8Array | undefined> {
    return this.state.cell(key) ?? (await this.#ports.storage.get(this.#checkpoints.keyOf(key)));
  }

  probe(member: MemberKey): void {
    this.#enter({ kind: "probe", member });
  }

  /** A hint (raft/last-will.ts). */
  leaderLeft(leader: MemberKey): void {
    this.#enter({ kind: "leader-left", leader });
  }

  /** If it leads, at once. */
  speakUp(): void {
    this.#enter({ kind: "speak-up" });
  }

  /** `done(true)`: the state is at least as new as everything acknowledged before the call. `false`: ask again. */
  readBarrier(within: Duration, done: (isCurrent: boolean) => void): void {
    this.#enter({ kind: "read", context: this.#reads.add(within, done) });
  }

  #propose(command: Uint8Array, done: (result: ProposalResult) => void): void {
    if (this.#isStopped) {
      done({ kind: "unknown" });
      return;
    }
    if (command.length > limits.commandBytes) {
      const detail = `the change takes ${command.length} bytes; ${limits.commandBytes} are allowed in one`;
      done({ kind: "refused", reason: "malformed", detail });
      return;
    }
    this.#proposals.add({ context: this.#waiting.add(done), command });
  }

  /** Queues an event and handles all that are queued, unless that is being done already. */
  #enter(body: EventBody): void {
    if (this.#isStopped) return;
    this.#events.push(this.#stamped(body));
    this.#work();
  }

  #work(): void {
    if (this.#isStepping || this.#isStopped) return;
    this.#isStepping = true;
    for (let event = this.#nextEvent(); event !== undefined && !this.#isStopped; event = this.#nextEvent()) {
      const effects = this.#raft.step(event);
      this.#watch?.stepped(event, effects);
      let isSpeaking = false;
      for (const effect of effects) {
        isSpeaking ||= effect.kind === "send" || effect.kind === "persist";
        this.#carryOut(effect);
      }
      this.#applying.after(isSpeaking);
    }
    this.#isStepping = false;
    this.#schedule();
  }

  #nextEvent(): RaftEvent | undefined {
    const event = this.#events.shift();
    if (event !== undefined) return event;
    const proposals = this.#proposals.take();
    return proposals.length === 0 ? undefined : this.#stamped({ kind: "propose", proposals });
  }

  #stamped(body: EventBody): RaftEvent {
    const now = this.#ports.clock.now();
    return { ...body, now, siteTime: this.#ports.siteClock.forEntry() } as RaftEvent;
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock } = this.#ports;
    const at = this.#raft.nextTick();
    if (at === undefined || (this.#timerAt !== undefined && this.#timerAt <= at)) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = clock.after(between(clock.now(), at), "raft", () => {
      this.#timerAt = undefined;
      this.#enter({ kind: "tick" });
    });
  }

  #carryOut(effect: RaftEffect): void {
    switch (effect.kind) {
      case "persist":
        // Also before they are committed: this device's own entries, should it lead, bear no earlier time (DESIGN §6).
        for (const { index, siteTime } of effect.entries) this.#ports.siteClock.arrived(index, siteTime);
        this.#sends.persist(effect);
        return;
      case "send":
        this.#sends.send(effect.to, effect.message, effect.after);
        return;
      case "apply":
        this.#applying.queue(effect.entries);
        return;
      case "proposed":
        this.#waiting.appended(effect);
        return;
      case "proposal-refused":
        this.#waiting.refused(effect);
        return;
      case "transfer-ended":
        this.#transfers.ended(effect);
        return;
      case "read-ready":
        this.#reads.settle(effect.context, true);
        return;
      case "read-refused":
        this.#reads.settle(effect.context, false);
        return;
      case "role":
        this.#changeRole(effect);
        return;
      case "serve-chunk":
        this.#transfer.serve(effect).catch((cause: unknown) => {
          this.#ports.logger.warn({ cause: String(cause) }, "a piece of a snapshot could not be read");
        });
        return;
      case "store-chunk":
        this.#transfer.store(effect);
        return;
      case "compacted":
        this.#sends.compact(effect.start);
        return;
      case "diverged":
        this.#observer.contradicted(effect.from, `at entry ${effect.index}: ${effect.detail}`);
        return;
    }
  }

  #changeRole(change: RoleChange): void {
    this.#applying.now(); // what this term committed is answered before the term ends
    const before = this.#role;
    this.#role = change;
    const { siteClock, logger } = this.#ports;
    if (change.role === "leader" && before.role !== "leader") siteClock.lead(this.#self, this.status().voters);
    if (change.role !== "leader" && (before.role === "leader" || change.leader !== before.leader)) siteClock.follow();
    if (before.role === "leader" && change.role !== "leader") this.#waiting.abandon();
    if (before.term !== change.term) this.#keeper.leadershipChanged();
    const isNews = change.role !== before.role || change.leader !== before.leader; // a device alone asks for ever
    logger[isNews ? "info" : "debug"](change, "role");
    this.#observer.role(change);
  }

  /** Once. What waits is answered all the same: its outcome is unknown. */
  #fail(failure: SkeinError): void {
    if (this.#isStopped) return;
    this.#fallSilent();
    this.#sends.stop();
    this.#observer.failed(failure);
  }

  async #stop(): Promise<void> {
    const hasFailed = this.#isStopped;
    this.#fallSilent();
    if (!hasFailed) this.#sends.flush();
    this.#sends.stop();
    await this.#transfer.stop();
    await this.#keeper.settled();
    await this.#log.close();
  }

  #fallSilent(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#submissions.stop();
    this.#waiting.abandon();
    this.#reads.abandon();
    this.#transfers.abandon();
  }
}
