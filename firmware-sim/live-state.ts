// What is known of a live site at one moment: what the views show and the report ends with.

import type { DeviceId, SiteId } from "../src/base/ids.ts";
import type { Duration, LogIndex, Term } from "../src/base/units.ts";
import type { Series } from "../src/cli/dashboard/series-board.ts";
import type { Role } from "../src/raft/types.ts";
import type { WindowTotals } from "./judge/published-windows.ts";

export type Phase = "starting" | "running" | "draining" | "over";

export interface DeviceView {
  readonly device: DeviceId;
  readonly state: "off" | "starting" | "up";
  readonly role: Role;
  readonly isVoter: boolean;
  /** Log entries behind the furthest commit index that anybody knows. */
  readonly lag: number;
}

export interface SiteEvent {
  /** As `LiveState.elapsed`. */
  readonly at: number;
  readonly text: string;
  readonly kind: "fault" | "site" | "trouble";
}

export interface LiveState {
  readonly site: SiteId;
  readonly phase: Phase;
  /** What is being waited for, while starting or draining. */
  readonly doing: string;
  /** Since the site was complete; since the start while it is starting. */
  readonly elapsed: Duration;
  readonly duration: Duration | undefined;
  readonly brokerUrl: string;
  readonly isBrokerUp: boolean;
  readonly pageUrl: string | undefined;
  readonly coordinator: DeviceId | undefined;
  readonly term: Term;
  readonly why: string;
  readonly commit: LogIndex;
  readonly revision: LogIndex;
  readonly elections: number;
  readonly outboxWaiting: number;
  readonly readings: { readonly sensed: number; readonly stored: number; readonly counted: number };
  readonly windows: WindowTotals;
  readonly devices: readonly DeviceView[];
  readonly series: readonly Series[];
  /** Newest last. */
  readonly events: readonly SiteEvent[];
  readonly usage: {
    readonly messagesPerSecond: number;
    readonly bytesPerSecond: number;
    readonly rssBytes: number;
    /** Share of one core. */
    readonly cpuShare: number;
  };
}
