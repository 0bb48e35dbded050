// What an agent says of itself: plain data, the same for programs (`--json`), the live view and the API.

import type { DeviceId, SensorId, SiteId } from "../base/ids.ts";
import type { Duration, LogIndex, SiteTime, Term } from "../base/units.ts";
import type { Role } from "../raft/types.ts";
import type { Power } from "../site/configuration.ts";
import type { LastWillsReport } from "./last-wills.ts";

export interface MemberStatus {
  readonly device: DeviceId;
  readonly isVoter: boolean;
  /** Heard on at least one broker lately. */
  readonly isPresent: boolean;
  /** Entries behind the commit index, as far as the asked device knows; undefined: it does not. */
  readonly lag: number | undefined;
  readonly zone: string | undefined;
  /** As configured. */
  readonly power: Power;
}

export interface BrokerStatus {
  /** Without password. */
  readonly url: string;
  readonly isUp: boolean;
  /** Why it is down. */
  readonly why: string | undefined;
  readonly roundTrip: Duration | undefined;
}

/** What a sensor of the device said last. */
export interface LatestReading {
  readonly sensor: SensorId;
  /** Undefined: it has said nothing since the agent started. */
  readonly value: number | undefined;
  readonly stamp: SiteTime | undefined;
  /** Bits of `quality` (readings/types.ts). */
  readonly quality: number;
  /** Why it gives no reading now; undefined: it does. */
  readonly fault: string | undefined;
}

export interface AgentStatus {
  readonly site: SiteId;
  readonly device: DeviceId;
  readonly version: string;
  readonly session: number;
  readonly generation: number;
  readonly role: Role;
  readonly isVoter: boolean;
  readonly term: Term;
  readonly leader: DeviceId | undefined;
  /** Why this leader, or why there is none: a sentence for people. */
  readonly why: string;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  /** Log index at which the configuration last changed; 0: there is none. */
  readonly revision: LogIndex;
  readonly voters: readonly DeviceId[];
  readonly members: readonly MemberStatus[];
  readonly brokers: readonly BrokerStatus[];
  readonly siteTime: SiteTime | undefined;
  /** Clock sources are adopted; until then stamps are consistent, but may be wrong. */
  readonly isSiteTimeSynced: boolean;
  /** `uncertain: no clock source yet`, `synced (2 sources: …)`: a sentence for people; the coordinator knows best. */
  readonly siteTimeState: string;
  readonly outbox: {
    readonly waiting: number;
    readonly bytes: number;
    /** The newest item's number, and up to where the uplink has acknowledged them or later ones have replaced them. */
    readonly last: number;
    readonly cursor: number;
    /** At the present rate, until older windows must become coarser; undefined: nothing was queued yet, so there is no rate. */
    readonly daysOfRoom: number | undefined;
    /** The coordinator alone knows; false elsewhere. */
    readonly isUplinkUp: boolean;
    /** Where the coordinator sends items, and why it cannot; undefined elsewhere, and when it can. */
    readonly uplinkUrl: string | undefined;
    readonly uplinkProblem: string | undefined;
  };
  readonly readings: {
    /** Numbers taken (synced), of which `missing` have no value. */
    readonly taken: number;
    readonly missing: number;
    readonly counted: number;
    readonly uncounted: number;
    /** Why this device takes no readings; undefined: it does. */
    readonly stopped: string | undefined;
    /**
     * The oldest uncounted ones, kept only as windows because this device had no room for more (docs/decisions/0008): how many they
     * are, from when to when, and the longest of the windows; undefined: none are.
     */
    readonly frozen:
      | { readonly readings: number; readonly since: SiteTime; readonly until: SiteTime; readonly span: Duration }
      | undefined;
    readonly latest: readonly LatestReading[];
  };
  /** What a person should decide or repair, in sentences; empty when all is well. */
  readonly problems: readonly string[];
  /** How often a coordinator's last wills were believed here, and how often it was alive all the same. */
  readonly lastWills: LastWillsReport;
  readonly disk: { readonly bytesWritten: number; readonly syncs: number };
  readonly traffic: {
    readonly messagesSent: number;
    readonly bytesSent: number;
    readonly messagesReceived: number;
    readonly bytesReceived: number;
    readonly dropped: number;
  };
}
