// A member of a site, as an agent has it: the real replica, its voice on the brokers, its data directory. What an agent puts
// around it (sampling, joining, the coordinator's duties, the API) is left out, so that a bench decides what is proposed.

import { assert } from "../../src/base/errors.ts";
import {
  type DeviceId,
  type Generation,
  type Member,
  type MemberKey,
  memberKey,
  memberOf,
  type SiteId,
} from "../../src/base/ids.ts";
import type { MqttLinks } from "../../src/base/ports/mqtt-link.ts";
import { seconds } from "../../src/base/units.ts";
import { type HostDataDirectory, openDataDirectory } from "../../src/host/data-directory.ts";
import { createLogger } from "../../src/host/logger.ts";
import { MqttJsLinks } from "../../src/host/mqtt-link.ts";
import { SystemClock } from "../../src/host/system-clock.ts";
import { systemRandom } from "../../src/host/system-random.ts";
import { BrokerSet } from "../../src/mqtt/broker-set.ts";
import type { TrafficReport } from "../../src/mqtt/traffic.ts";
import type { RaftMessage } from "../../src/raft/types.ts";
import { defaultTiming, openReplica } from "../../src/replica/open-replica.ts";
import { Replica } from "../../src/replica/replica.ts";
import { SiteClock } from "../../src/replica/site-time.ts";
import type { Command } from "../../src/site/types.ts";

export interface SiteMemberOptions {
  readonly site: SiteId;
  readonly generation: Generation;
  readonly device: DeviceId;
  readonly founds: boolean;
  readonly brokerUrl: string;
  readonly directory: string;
}

/** What a member has handed to its brokers as Raft messages. */
export interface Said {
  /** Appends with entries, on the log topic. */
  appends: number;
  /** Appends without, on the log topic. */
  heartbeats: number;
  /** Everything to one member: acknowledgements, repairs, votes. */
  unicasts: number;
}

const stopAfterFailure = (failure: Error): never => {
  throw failure;
};

export class SiteMember {
  readonly key: MemberKey;
  readonly replica: Replica;
  readonly siteClock: SiteClock;
  readonly said: Said = { appends: 0, heartbeats: 0, unicasts: 0 };
  readonly #brokers: BrokerSet;
  readonly #data: HostDataDirectory;

  private constructor(parts: {
    self: Member;
    data: HostDataDirectory;
    siteClock: SiteClock;
    connect: (member: SiteMember) => { brokers: BrokerSet; replica: Replica };
  }) {
    this.key = memberKey(parts.self);
    this.#data = parts.data;
    this.siteClock = parts.siteClock;
    const { brokers, replica } = parts.connect(this);
    this.#brokers = brokers;
    this.replica = replica;
  }

  static async open(options: SiteMemberOptions, links?: MqttLinks): Promise<SiteMember> {
    const { site, generation, device, founds, brokerUrl, directory } = options;
    const clock = new SystemClock();
    const logger = createLogger({ level: "error", descriptor: 2 });
    const data = await openDataDirectory(directory, { site, device });
    const self = { device, incarnation: data.identity.incarnation };
    const opened = await openReplica(
      { clock, random: systemRandom, logFiles: data.logFiles, storage: data.storage },
      { self: memberKey(self), founds, hasPast: false, timing: defaultTiming },
    );
    assert(opened.kind === "opened", "a new data directory has no past to lose");
    const siteClock = new SiteClock(clock, opened.parts.state.siteTimeFloor, opened.parts.state.time);
    const ports = { clock, random: systemRandom, logger, storage: data.storage, siteClock };
    return new SiteMember({
      self,
      data,
      siteClock,
      connect: (member) => {
        const brokers = new BrokerSet(
          { clock, links: links ?? new MqttJsLinks({ clock, random: systemRandom }), log: logger },
          {
            site,
            self,
            session: data.identity.session,
            start: data.identity.session,
            brokers: [{ url: brokerUrl }],
            keepAlive: seconds(30),
            generation: () => generation,
          },
          {
            received: ({ from, broadcast, message }) => {
              if (isRaft(message)) member.replica.received(memberKey(from), broadcast, message);
            },
            heardGeneration: () => undefined,
            doubted: () => undefined,
            heardOwnName: () => undefined,
            changed: () => undefined,
          },
        );
        const replica = new Replica(
          ports,
          opened.parts,
          {
            broadcast: (message) => {
              const isHeartbeat = message.kind === "append" && message.entries.length === 0;
              member.said[isHeartbeat ? "heartbeats" : "appends"] += 1;
              brokers.broadcast(message);
            },
            send: (to, message) => {
              member.said.unicasts += 1;
              brokers.send(memberOf(to), message);
            },
            forward: () => undefined,
            answer: () => undefined,
          },
          {
            role: () => undefined,
            applied: () => undefined,
            replaced: () => undefined,
            contradicted: (_from, detail) => {
              throw new Error(detail);
            },
            diverged: (detail) => stopAfterFailure(new Error(`diverged: ${detail}`)),
            failed: stopAfterFailure,
          },
        );
        return { brokers, replica };
      },
    });
  }

  start(): void {
    this.#brokers.start();
    this.replica.start();
  }

  async stop(): Promise<void> {
    await this.replica.stop();
    await this.#brokers.stop();
    await this.#data.close();
  }

  get isConnected(): boolean {
    return this.#brokers.brokers().every(({ isUp, isDataUp }) => isUp && isDataUp);
  }

  traffic(): TrafficReport {
    return this.#brokers.traffic();
  }

  /** As leader; resolves when applied here, and fails on any other outcome. */
  commit(command: Command): Promise<void> {
    return new Promise((resolve, reject) => {
      this.replica.propose(command, (result) => {
        if (result.kind === "done") resolve();
        else reject(new Error(`${command.kind}: ${JSON.stringify(result)}`));
      });
    });
  }

  changeVoters(voters: readonly MemberKey[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.replica.changeVoters(voters, (result) => {
        if (result.kind === "done") resolve();
        else reject(new Error(`voters: ${JSON.stringify(result)}`));
      });
    });
  }
}

const raftKinds: ReadonlySet<string> = new Set<RaftMessage["kind"]>([
  "pre-vote-request",
  "pre-vote-reply",
  "vote-request",
  "vote-reply",
  "append",
  "append-ack",
  "gap",
  "snapshot-offer",
  "snapshot-question",
  "snapshot-chunk",
  "read-question",
  "read-answer",
]);

const isRaft = (message: { readonly kind: string }): message is RaftMessage => raftKinds.has(message.kind);
