// An agent's status, gathered from its parts; cheap enough to be asked once a second.

import { type Generation, type MemberKey, memberKey, memberOf } from "../base/ids.ts";
import type { DataDirectoryUsage } from "../base/ports/data-directory.ts";
import type { BrokerSet } from "../mqtt/broker-set.ts";
import type { Amount } from "../mqtt/traffic.ts";
import type { RaftStatus } from "../raft/types.ts";
import { quality } from "../readings/types.ts";
import type { Replica } from "../replica/replica.ts";
import { defaultPower } from "../site/configuration-defaults.ts";
import type { Counting } from "./counting.ts";
import type { Dashboard } from "./dashboard.ts";
import type { Joining } from "./joining.ts";
import type { LastWillsReport } from "./last-wills.ts";
import type { Life } from "./life.ts";
import type { AgentStatus, LatestReading, MemberStatus } from "./status.ts";
import { describeTime, type TimeReport } from "./time-report.ts";

export interface AgentParts {
  readonly life: Life;
  readonly generation: Generation | undefined;
  readonly replica: Replica;
  readonly brokers: BrokerSet;
  readonly joining: Joining;
  readonly counting: Counting;
  readonly time: TimeReport;
  readonly dashboard: Dashboard;
  readonly disk: DataDirectoryUsage;
  readonly lastWills: LastWillsReport;
  readonly problems: readonly string[];
  /** Why it takes no part; undefined: it does. */
  readonly silentBecause: string | undefined;
}

export function describeAgent(parts: AgentParts): AgentStatus {
  const { life, replica, brokers, counting, dashboard, time } = parts;
  const raft = replica.status();
  const { state } = replica;
  const voters = raft.voters.incoming ?? raft.voters.current;
  const self = memberKey(life.self);
  const { outbox } = state;
  const uplink = dashboard.status();
  return {
    site: life.site,
    device: life.self.device,
    version: life.version,
    session: life.session,
    generation: parts.generation?.number ?? 0,
    role: raft.role,
    isVoter: voters.includes(self),
    term: raft.term,
    leader: raft.leader === undefined ? undefined : memberOf(raft.leader).device,
    why: parts.silentBecause ?? parts.joining.waitsFor ?? describeTransfer(raft) ?? raft.why,
    commit: raft.commit,
    applied: raft.applied,
    revision: state.revision,
    voters: voters.map((voter) => memberOf(voter).device),
    members: describeMembers(parts, raft, voters),
    brokers: brokers
      .brokers()
      .map(({ url, isUp, lastError, roundTrip }) => ({ url, isUp, why: isUp ? undefined : lastError, roundTrip })),
    siteTime: time.siteTime,
    isSiteTimeSynced: time.isSynced,
    siteTimeState: describeTime(time),
    outbox: {
      waiting: outbox.count,
      bytes: outbox.bytes,
      last: outbox.next - 1,
      cursor: state.cursor,
      daysOfRoom: uplink?.daysOfRoom,
      isUplinkUp: uplink?.isConnected ?? false,
      uplinkUrl: uplink?.url,
      uplinkProblem: uplink?.problem,
    },
    readings: {
      ...counting.figures(),
      latest: describeLatest(counting),
    },
    problems: parts.problems.filter((problem) => problem !== parts.silentBecause).concat(parts.silentBecause ?? []),
    lastWills: parts.lastWills,
    disk: { bytesWritten: parts.disk.bytesWritten, syncs: parts.disk.syncs },
    traffic: describeTraffic(brokers),
  };
}

function describeTransfer({ transferringTo }: RaftStatus): string | undefined {
  return transferringTo === undefined ? undefined : `is handing over to ${memberOf(transferringTo).device}`;
}

/** A follower knows its own lag alone; the leader knows the voters' and those that it asked. */
function describeMembers(
  { replica, brokers, life }: AgentParts,
  raft: RaftStatus,
  voters: readonly MemberKey[],
): MemberStatus[] {
  const matches = new Map(raft.followers.map(({ member, match }) => [member, match]));
  matches.set(memberKey(life.self), raft.applied);
  const { members, configuration } = replica.state;
  return [...members.values()].map((member) => {
    const key = memberKey(member);
    const match = matches.get(key);
    return {
      device: member.device,
      isVoter: voters.includes(key),
      isPresent: member.device === life.self.device || brokers.isPresent(member.device),
      lag: match === undefined ? undefined : Math.max(0, raft.commit - match),
      zone: configuration.devices.get(member.device)?.zone,
      power: configuration.devices.get(member.device)?.power ?? defaultPower,
    };
  });
}

function describeLatest(counting: Counting): LatestReading[] {
  return [...counting.sensors()].map(([sensor, { latest, fault }]) => ({
    sensor,
    value: latest?.value,
    stamp: latest?.stamp,
    quality: latest?.quality ?? quality.missing,
    fault: fault?.message,
  }));
}

function describeTraffic(brokers: BrokerSet): AgentStatus["traffic"] {
  const { sent, received, dropped } = brokers.traffic();
  const total = (amounts: Readonly<Record<string, Amount | undefined>>, of: keyof Amount): number =>
    Object.values(amounts).reduce((sum, amount) => sum + (amount?.[of] ?? 0), 0);
  return {
    messagesSent: total(sent, "messages"),
    bytesSent: total(sent, "bytes"),
    messagesReceived: total(received, "messages"),
    bytesReceived: total(received, "bytes"),
    dropped: Object.values(dropped).reduce((sum, count) => sum + (count ?? 0), 0),
  };
}
