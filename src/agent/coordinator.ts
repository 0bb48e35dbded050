// What a device does while it is coordinator: admit members, keep the voters, close windows, feed the uplink.
//
// Everything here is a proposal that any other coordinator would make too, from committed state and what is heard now; nothing
// is remembered from one term to the next. It acts only while the core says that it has authority: elected, an entry of its own
// term committed, and a majority heard within the election timeout.

import { type DeviceId, type Generation, type MemberKey, memberKey, memberOf, type SiteId } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Logger } from "../base/ports/logger.ts";
import { between, type Instant, logIndex, milliseconds } from "../base/units.ts";
import type { Began, JoinRefusedMessage } from "../mqtt/site-codec.ts";
import type { RaftTiming, TransferOutcome } from "../raft/types.ts";
import type { Replica } from "../replica/replica.ts";
import type { SiteClock } from "../replica/site-time.ts";
import type { SubmissionResult } from "../replica/submissions.ts";
import type { ClientSerial, Command, JoinRequest, RefusalReason, Touched } from "../site/types.ts";
import { Admission } from "./admission.ts";
import { HandOver } from "./hand-over.ts";
import { removalDetail } from "./joining.ts";
import type { Run } from "./own-past.ts";
import type { Leading } from "./promises.ts";
import { UplinkAbsence } from "./uplink-absence.ts";
import { VoterKeeper } from "./voter-keeper.ts";

export interface CoordinatorDoor {
  lastHeard(member: MemberKey): Instant | undefined;
  isPresent(device: DeviceId): boolean;
  /** Why this run of a member cannot be what promised more before. `leading` since this term's authority began. */
  contradiction(request: JoinRequest, began: Began, leading: Leading): string | undefined;
  refuseJoin(to: MemberKey, reason: JoinRefusedMessage["reason"], detail: string): void;
  /** It has authority now; whatever speaks for the site outside may start. */
  authorityGained(): void;
  authorityLost(): void;
}

export interface CoordinatorOptions {
  readonly self: MemberKey;
  readonly site: SiteId;
  /** Of the generation that this device founded and that the log does not know yet. */
  readonly founding: Generation | undefined;
  readonly timing: RaftTiming;
}

const dutyInterval = milliseconds(100);

/** Whichever it is: a removed member asks again at once, and there are few. */
const tellRemovedEvery = milliseconds(200);

export class Coordinator {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #replica: Replica;
  readonly #siteClock: SiteClock;
  readonly #options: CoordinatorOptions;
  readonly #door: CoordinatorDoor;
  readonly #admission: Admission;
  readonly #handOver: HandOver;
  readonly #keeper: VoterKeeper;
  readonly #uplinkAbsence = new UplinkAbsence();
  /** Kinds of proposals that are on their way: one of each at a time. */
  readonly #proposed = new Set<string>();
  /** Whose joins are on their way through the log. */
  readonly #joining = new Set<DeviceId>();
  #timer: Timer | undefined;
  #hasAuthority = false;
  #toldRemovedAt: Instant | undefined;
  /** Committed when its authority began: so its term's first entry is at or before it. */
  #leadsFrom = logIndex(0);
  /** When it gained authority, or let another try to reach the uplink. */
  #uplinkTriedAt: Instant | undefined;

  constructor(
    ports: { clock: Clock; logger: Logger },
    parts: { replica: Replica; siteClock: SiteClock },
    options: CoordinatorOptions,
    door: CoordinatorDoor,
  ) {
    this.#clock = ports.clock;
    this.#logger = ports.logger;
    this.#replica = parts.replica;
    this.#siteClock = parts.siteClock;
    this.#options = options;
    this.#door = door;
    this.#handOver = new HandOver(ports, options, parts.replica);
    this.#keeper = new VoterKeeper(ports, options.self, parts.replica, {
      isPresent: (device) => door.isPresent(device),
      isJoining: (device) => this.#joining.has(device) || this.#admission.isGathering(device),
    });
    this.#admission = new Admission(ports.clock, {
      member: (device) => this.#known(device),
      isSelf: (device) => device === memberOf(options.self).device,
      contradiction: (request, began) => {
        const { term } = this.#replica.role;
        return door.contradiction(request, began, { term, from: this.#leadsFrom });
      },
      lastHeard: (member) => door.lastHeard(member),
      probe: (member) => this.#replica.probe(member),
      isVoter: (member) => this.#keeper.voters().includes(member),
      demote: (member) => this.#keeper.change(this.#keeper.without(member)),
      propose: (joins, refused) => this.#proposeJoins(joins, refused),
      refuse: (to, reason, detail) => door.refuseJoin(to, reason, detail),
    });
  }

  get hasAuthority(): boolean {
    return this.#hasAuthority;
  }

  /** This device was elected. Idempotent. */
  begin(): void {
    if (this.#timer === undefined) this.#duties();
  }

  /** It leads no more. Idempotent. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#admission.stop();
    this.#proposed.clear();
    this.#loseAuthority();
  }

  /** The agent is about to stop: resolves within one election timeout. */
  retire(): Promise<void> {
    return this.#handOver.retire();
  }

  /** Who would take over: that device, or the best one. Undefined: it is no other voter; nobody was heard lately. */
  successor(device: DeviceId | undefined): MemberKey | undefined {
    if (device === undefined) return this.#handOver.best();
    return this.#keeper.voters().find((voter) => voter !== this.#options.self && memberOf(voter).device === device);
  }

  handOver(to: MemberKey, why: string, done: (outcome: TransferOutcome) => void): void {
    this.#handOver.to(to, why, done);
  }

  /** Removes another device from the site for good. `done` is called once. */
  remove(device: DeviceId, client: ClientSerial, done: (result: SubmissionResult) => void): void {
    this.#keeper.remove(device, client, done);
  }

  /** The outbox has changed here, whoever leads. */
  applied(touched: ReadonlySet<Touched>): void {
    if (!touched.has("outbox") && !touched.has("cursor")) return;
    this.#uplinkAbsence.look(this.#replica.state, this.#clock.now(), touched.has("cursor"));
  }

  /** A member that was removed speaks as if it did not know: nothing of it counts, and it is told now and then. */
  heardRemoved(member: MemberKey): void {
    const now = this.#clock.now();
    const isTold = this.#toldRemovedAt !== undefined && between(this.#toldRemovedAt, now) < tellRemovedEvery;
    if (!this.#hasAuthority || isTold) return;
    this.#toldRemovedAt = now;
    const { device } = memberOf(member);
    const isReplaced = this.#replica.state.members.has(device);
    this.#door.refuseJoin(member, "gone-origin", removalDetail(device, isReplaced));
  }

  asked(request: JoinRequest, began: Began): void {
    if (this.#hasAuthority) this.#admission.asked(request, began);
  }

  #duties(): void {
    this.#timer = this.#clock.after(dutyInterval, "coordinator's duties", () => this.#duties());
    if (!this.#replica.status().hasAuthority) {
      this.#loseAuthority();
      return;
    }
    if (!this.#hasAuthority) {
      this.#hasAuthority = true;
      this.#uplinkTriedAt = this.#clock.now();
      this.#leadsFrom = this.#replica.status().commit;
      this.#door.authorityGained();
    }
    const { state } = this.#replica;
    if (state.generation === undefined) {
      const { site, founding } = this.#options;
      if (founding !== undefined) this.#propose("found", { kind: "found", site, generation: founding });
      return;
    }
    const now = this.#siteClock.now();
    const upTo = now === undefined ? undefined : state.dueClose(now);
    if (upTo !== undefined) this.#propose("close", { kind: "close", upTo });
    this.#keeper.look();
    this.#lookForUplink();
  }

  #lookForUplink(): void {
    const now = this.#clock.now();
    if (!this.#uplinkAbsence.isHandOverDue(this.#uplinkTriedAt ?? now, now)) return;
    this.#uplinkTriedAt = now; // if nobody takes over, the next try waits as if another had
    const to = this.#handOver.next();
    if (to !== undefined)
      this.#handOver.to(to, "items wait, and this device does not reach the uplink", () => undefined);
  }

  #loseAuthority(): void {
    this.#keeper.end();
    if (!this.#hasAuthority) return;
    this.#hasAuthority = false;
    this.#door.authorityLost();
  }

  #propose(name: string, command: Command): void {
    if (this.#proposed.has(name)) return;
    this.#proposed.add(name);
    this.#replica.propose(command, (result) => {
      this.#proposed.delete(name);
      if (result.kind === "refused")
        this.#logger.warn({ command: command.kind, ...result }, "the site refused a coordinator's entry");
    });
  }

  #proposeJoins(joins: readonly JoinRequest[], refused: (reason: RefusalReason, detail: string) => void): void {
    for (const { device } of joins) this.#joining.add(device);
    this.#replica.propose({ kind: "join", joins }, (result) => {
      for (const { device } of joins) this.#joining.delete(device);
      if (result.kind !== "refused") return;
      this.#logger.warn({ devices: joins.map(({ device }) => device), ...result }, "the site refused to admit");
      refused(result.reason, result.detail);
    });
  }

  #known(device: DeviceId): (Run & { readonly member: MemberKey }) | undefined {
    const known = this.#replica.state.members.get(device);
    return known === undefined ? undefined : { member: memberKey(known), session: known.session, start: known.start };
  }
}
