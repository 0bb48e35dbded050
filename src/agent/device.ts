// One life of one device: a replica, its voice on the brokers, its readings, and the coordinator's duties when it leads.
// Everything here belongs to one incarnation and one session; the agent makes a new one when either ends.

import type { SkeinError } from "../base/errors.ts";
import { type Generation, type Member, type MemberKey, memberKey, memberOf } from "../base/ids.ts";
import { BrokerSet, type Delivery } from "../mqtt/broker-set.ts";
import { isElection, isRaftMessage, type OtherMessage, type SiteMessage } from "../mqtt/messages.ts";
import { isOnlyVoter } from "../raft/voters.ts";
import type { StoredReading } from "../readings/reading-log.ts";
import type { CountMove } from "../readings/types.ts";
import type { ReplicaParts, RoleChange } from "../replica/contract.ts";
import { Replica } from "../replica/replica.ts";
import type { SiteClock } from "../replica/site-time.ts";
import type { Touched } from "../site/types.ts";
import { Api } from "./api.ts";
import { Coordinator } from "./coordinator.ts";
import { Counting } from "./counting.ts";
import { Dashboard } from "./dashboard.ts";
import { describeAgent } from "./describe.ts";
import { Joining } from "./joining.ts";
import { LastHeard } from "./last-heard.ts";
import { LastWills } from "./last-wills.ts";
import type { Life } from "./life.ts";
import { Operator } from "./operator.ts";
import { OwnPast } from "./own-past.ts";
import type { AgentConfiguration, AgentPorts } from "./ports.ts";
import { Problems } from "./problems.ts";
import { Promises } from "./promises.ts";
import type { AgentStatus } from "./status.ts";
import { TimeKeeping } from "./time-keeping.ts";

export interface DeviceHandlers {
  generation(): Generation | undefined;
  /** This device has belonged to none so far. */
  adoptGeneration(generation: Generation): void;
  /**
   * This incarnation must not go on: the agent makes a new one. `set-aside`: without the readings that are on the card.
   * `generation`: the one that the new incarnation belongs to, if it is not this one's.
   */
  renew(why: string, readings?: "kept" | "set-aside", generation?: Generation): void;
  /** The disk no longer keeps what is promised. */
  failed(failure: SkeinError): void;
}

export class Device {
  readonly #ports: AgentPorts;
  readonly #life: Life;
  readonly #key: MemberKey;
  readonly #handlers: DeviceHandlers;
  readonly #brokers: BrokerSet;
  readonly #replica: Replica;
  readonly #coordinator: Coordinator;
  readonly #joining: Joining;
  readonly #counting: Counting;
  readonly #timeKeeping: TimeKeeping;
  readonly #dashboard: Dashboard;
  readonly #api: Api;
  readonly #problems: Problems;
  readonly #ownPast: OwnPast;
  readonly #promises = new Promises();
  readonly #heard: LastHeard;
  readonly #lastWills: LastWills;

  constructor(
    ports: AgentPorts,
    configuration: AgentConfiguration,
    life: Life,
    parts: { readonly replica: ReplicaParts; readonly siteClock: SiteClock },
    handlers: DeviceHandlers,
  ) {
    const { clock, random, logger, links } = ports;
    this.#ports = ports;
    this.#life = life;
    this.#key = memberKey(life.self);
    this.#handlers = handlers;
    this.#problems = new Problems(ports);
    this.#heard = new LastHeard(clock);
    this.#brokers = new BrokerSet(
      { clock, links, log: logger },
      {
        site: life.site,
        self: life.self,
        session: life.session,
        start: life.start,
        brokers: configuration.brokers,
        keepAlive: configuration.keepAlive,
        generation: () => handlers.generation(),
      },
      {
        received: (delivery) => this.#received(delivery),
        heardOwnName: (heard) => this.#ownPast.heard(heard),
        heardGeneration: ({ generation, kind, from }) => this.#heardGeneration(generation, kind, from),
        changed: (_, present) => {
          if (this.#brokers.isConnected) this.#ownPast.connected(() => this.#leadIfElected());
          this.#dashboard.presenceChanged();
          this.#lastWills.look(present);
        },
        doubted: () => this.#replica.isLeader && this.#replica.speakUp(),
      },
    );
    const watch = ports.watch?.(this.#key);
    const { siteClock } = parts;
    const { storage } = ports.data;
    this.#replica = new Replica(
      { clock, random, logger, storage, siteClock, ...(watch === undefined ? {} : { watch }) },
      parts.replica,
      {
        broadcast: (message) => void (this.#ownPast.isSilent || this.#brokers.broadcast(message)),
        send: (to, message) => this.#say(to, message),
        forward: (to, { session, serial }, command) => this.#say(to, { kind: "propose", session, serial, command }),
        answer: (to, { session, serial }, result) => {
          if (result.kind === "unknown") return; // silence says it: the asker repeats or times out
          this.#say(to, { kind: "proposal-answer", session, serial, outcome: result });
        },
      },
      {
        role: (change) => this.#roleChanged(change),
        applied: (touched, moved) => this.#applied(touched, moved),
        replaced: () =>
          this.#applied(new Set(["configuration", "members", "counted", "windows", "outbox", "cursor", "time"]), []),
        contradicted: (from, detail) => this.#contradicted(from, detail),
        diverged: (detail) => this.#diverged(detail),
        failed: (failure) => handlers.failed(failure),
      },
    );
    this.#lastWills = new LastWills({
      self: this.#key,
      leader: () => this.#replica.role.leader,
      sessionOf: (member) => this.#heard.sessionOf(member),
      hasLeft: (member, session) => this.#brokers.hasLeft(member, session),
      believed: (leader) => this.#replica.leaderLeft(leader),
      isTakenForGone: () => this.#replica.status().isLeaderTakenForGone,
    });
    this.#ownPast = new OwnPast(
      clock,
      {
        self: life.self,
        session: life.session,
        start: life.start,
        isReturning: life.isReturning,
        listenFor: configuration.timing.electionTimeoutMin,
      },
      {
        answer: ({ session, start }) => void this.#brokers.send(life.self, { kind: "copy", session, start }),
        fallSilent: (why) => {
          this.#problems.note("copies", why);
          this.#coordinator.end();
        },
        goOn: () => this.#leadIfElected(),
        isOnlyVoter: () => isOnlyVoter(this.#replica.status().voters, this.#key),
        heardCopy: (text) => this.#problems.note("copies", text),
        renew: (why) => handlers.renew(why),
      },
    );
    this.#joining = new Joining(
      { clock, random },
      { ...life.self, session: life.session, start: life.start, version: life.version },
      {
        was: () => (this.#counting.hasReadings ? life.was : []),
        leader: () => this.#replica.role.leader,
        known: () => this.#replica.state.members.get(life.self.device),
        ask: (leader, request) =>
          leader === this.#key
            ? this.#coordinator.asked(request, life.began)
            : this.#say(leader, { kind: "join", request, began: life.began }),
        pastIsNotMine: (detail) => handlers.renew(detail),
        wentBack: (other, detail) => this.#ownPast.suspect(other, detail),
        readingsAreNotMine: (detail) => handlers.renew(detail, "set-aside"),
        removed: (detail) => this.#problems.note("removed", detail),
      },
    );
    this.#coordinator = new Coordinator(
      { clock, logger },
      { replica: this.#replica, siteClock: parts.siteClock },
      { self: this.#key, site: life.site, founding: life.founding, timing: configuration.timing },
      {
        lastHeard: (member) => this.#heard.of(member),
        isPresent: (device) => device === life.self.device || this.#brokers.isPresent(device),
        contradiction: (request, began, leading) =>
          this.#promises.contradiction(memberKey(request), request, began, leading),
        refuseJoin: (to, reason, detail) => {
          if (reason === "id-in-use") this.#problems.note("copies", detail);
          this.#say(to, { kind: "join-refused", reason, detail });
        },
        authorityGained: () => {
          this.#counting.lead();
          this.#dashboard.lead();
          this.#timeKeeping.look();
        },
        authorityLost: () => {
          this.#counting.follow();
          this.#dashboard.follow();
        },
      },
    );
    this.#timeKeeping = new TimeKeeping(
      ports,
      { self: this.#key, replica: this.#replica, siteClock },
      {
        say: (to, message) => this.#say(to, message),
        hasTime: () => this.#counting.hasTime(),
        suspects: (text) => this.#problems.note("clock-source", text),
      },
    );
    const [replica, brokers] = [this.#replica, this.#brokers];
    this.#dashboard = new Dashboard(ports, configuration, { life, replica, siteClock, brokers });
    this.#api = new Api(ports, {
      replica: this.#replica,
      operator: new Operator(life.self.device, this.#coordinator, () => this.status().leader),
      status: () => this.status(),
      time: () => this.#timeKeeping.report(),
      answer: (client, message, via) => void this.#brokers.send(client, message, via),
    });
    this.#counting = new Counting(ports, {
      life,
      siteClock: parts.siteClock,
      replica: this.#replica,
      send: (to, partial) => !this.#ownPast.isSilent && this.#brokers.send(memberOf(to), { kind: "partial", partial }),
      sendFrozen: (to, offer) => !this.#ownPast.isSilent && this.#brokers.send(memberOf(to), { kind: "frozen", offer }),
      sizes: configuration.sizes?.readings,
      notMyReadings: (detail, readings) => handlers.renew(detail, readings),
      failed: (failure) => handlers.failed(failure),
    });
  }

  /** Opens what belongs to this life beside the replica. Once, before `start`. */
  open(): Promise<void> {
    return this.#counting.open();
  }

  start(): void {
    this.#brokers.start();
    this.#replica.start();
    this.#joining.start();
    this.#counting.start();
    this.#timeKeeping.start();
  }

  /** A stop is not a leave. A coordinator hands over first, while it still serves. Then sampling ends, so that what was read is on the card before the voice falls silent. */
  async stop(): Promise<void> {
    await this.#coordinator.retire();
    this.#joining.stop();
    this.#ownPast.stop();
    this.#timeKeeping.stop();
    this.#coordinator.end();
    this.#api.stop();
    const parts = [this.#counting, this.#dashboard, this.#replica, this.#brokers];
    const failures: unknown[] = [];
    for (const part of parts) await part.stop().catch((failure: unknown) => failures.push(failure));
    if (failures.length > 0) throw failures[0];
  }

  storedReadings(): Promise<readonly StoredReading[]> {
    return this.#counting.storedReadings();
  }

  status(): AgentStatus {
    return describeAgent({
      life: this.#life,
      generation: this.#handlers.generation(),
      replica: this.#replica,
      brokers: this.#brokers,
      joining: this.#joining,
      counting: this.#counting,
      time: this.#timeKeeping.report(),
      dashboard: this.#dashboard,
      disk: this.#ports.data.usage(),
      lastWills: this.#lastWills.report(),
      problems: this.#problems.all().concat(this.#life.setAside ?? []),
      silentBecause: this.#ownPast.why,
    });
  }

  #say(to: MemberKey, message: SiteMessage): void {
    if (!this.#ownPast.isSilent) this.#brokers.send(memberOf(to), message);
  }

  #received(delivery: Delivery): void {
    const { from, session, start, broadcast, message } = delivery;
    const known = this.#replica.state.member(from.device);
    if (!this.#ownPast.listensTo(from, { session, start }, message.kind, known)) return;
    const sender = memberKey(from);
    this.#heard.note(sender, session);
    if (message.kind !== "join" && this.#replica.state.isGone(sender)) {
      this.#coordinator.heardRemoved(sender);
      return;
    }
    if (!isRaftMessage(message)) {
      this.#receivedOther(delivery, sender, message);
      return;
    }
    if (isElection(message) && !this.#ownPast.isTrusted) return;
    this.#promises.heard(sender, { session, start }, message);
    this.#replica.received(sender, broadcast, message);
    if (message.kind !== "append") return;
    this.#lastWills.followed(this.#replica.role.leader);
    this.#counting.hasTime();
  }

  #receivedOther({ from, via }: Delivery, sender: MemberKey, message: OtherMessage): void {
    switch (message.kind) {
      case "partial":
        if (message.partial.origin === sender && this.#coordinator.hasAuthority)
          this.#counting.offered(message.partial);
        return;
      case "frozen":
        if (message.offer.origin === sender && this.#coordinator.hasAuthority)
          this.#counting.offeredFrozen(message.offer);
        return;
      case "join":
        if (message.request.device === from.device && message.request.incarnation === from.incarnation) {
          this.#coordinator.asked(message.request, message.began);
        }
        return;
      case "join-refused":
        if (sender === this.#replica.role.leader) this.#joining.refused(message.reason, message.detail);
        return;
      case "propose":
        this.#replica.receivedProposal(sender, { session: message.session, serial: message.serial }, message.command);
        return;
      case "proposal-answer":
        this.#replica.receivedAnswer({ session: message.session, serial: message.serial }, message.outcome);
        return;
      case "time-question":
      case "time-answer":
        this.#timeKeeping.received(sender, message);
        return;
      case "api-question":
        this.#api.asked(from, message, via);
        return;
      case "copy":
      case "api-answer":
      case "presence":
        return;
    }
  }

  #heardGeneration(generation: Generation, kind: string, from: Member): void {
    const own = this.#handlers.generation();
    if (own === undefined) {
      if (kind === "append") this.#handlers.adoptGeneration(generation);
      return;
    }
    if (generation.number < own.number) return; // left behind: its members hear this generation, and come over
    if (generation.number > own.number) {
      const why = `the site was recovered: ${from.device} leads generation ${generation.number}, and this is generation ${own.number}`;
      if (kind === "append") this.#handlers.renew(why, "kept", generation);
      return;
    }
    this.#problems.note(
      "other-founding",
      `${from.device} belongs to another founding of this site (generation ${generation.number}, ${generation.nonce}): a person must decide which one stays`,
    );
  }

  /** Whoever is right, one that voted must not throw its vote away because of what another says: a person decides. */
  #contradicted(from: MemberKey, detail: string): void {
    this.#problems.note("contradicted", `${from} contradicts what is committed here ${detail}`);
  }

  /** A learner takes its state anew. If all voters did so at once, because the coordinator is the wrong one, the site was lost. */
  #diverged(detail: string): void {
    if (this.status().isVoter) this.#problems.note("diverged", `${detail}: compare the devices before this one leads`);
    else this.#handlers.renew(detail);
  }

  #roleChanged(change: RoleChange): void {
    if (change.role === "leader") this.#leadIfElected();
    else this.#coordinator.end();
    this.#lastWills.followed(change.leader);
    this.#joining.look();
    this.#timeKeeping.roleChanged();
  }

  #leadIfElected(): void {
    if (!this.#replica.isLeader || !this.#ownPast.isTrusted) return;
    this.#counting.hasTime();
    this.#coordinator.begin();
  }

  #applied(touched: ReadonlySet<Touched>, moved: readonly CountMove[]): void {
    if (touched.has("members")) this.#joining.look();
    this.#coordinator.applied(touched);
    this.#timeKeeping.applied(touched);
    this.#counting.applied(touched, moved);
    this.#dashboard.applied(touched);
  }
}
