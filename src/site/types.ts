// The contract of the replicated state machine: what an entry may say, and what applying it answers.

import type { DeviceId, Generation, Incarnation, SiteId } from "../base/ids.ts";
import type { Duration, LogIndex, SiteTime, Term } from "../base/units.ts";
import type { CountMove, CountProposal, Fold, FrozenCount } from "../readings/types.ts";
import type { PublishedWindow, Replaced } from "./aggregate-json.ts";
import type { ConfigurationChange } from "./configuration.ts";

/** A client's identity in the log: a proposal repeated with the same session and serial applies once, and answers the same. */
export interface ClientSerial {
  /** 32 hex digits, drawn at random by the client. */
  readonly session: string;
  /** 1, 2, 3 … One proposal at a time in each session. */
  readonly serial: number;
}

export interface JoinRequest {
  readonly device: DeviceId;
  readonly incarnation: Incarnation;
  /** Start counter of the data directory; each start joins again and raises it. */
  readonly session: number;
  /** Drawn at that start: whoever comes with the same session and another start runs from a copy of the directory. */
  readonly start: number;
  /**
   * The incarnations whose readings the device still has, the newest first. The site goes on from the newest that it knows: it
   * need not have heard of those between, which may never have been admitted.
   */
  readonly was: readonly Incarnation[];
  /** Version of the agent. */
  readonly version: string;
}

/** What becomes of site time (DESIGN §6). A jump is relative to the entry's own site time, and only forward. */
export type TimeChange =
  /**
   * These devices' clocks agree. Where time was uncertain it may jump by `jump`; `ahead` is by how much it is ahead of them
   * then, negative where it is behind. Where it was synced it does not jump: they agree still, or now too.
   */
  | {
      readonly kind: "adopt";
      readonly sources: readonly DeviceId[];
      readonly jump: Duration;
      readonly ahead: Duration;
    }
  /** Nobody whom this coordinator could ask had kept the time: it went on from the log's floor. */
  | { readonly kind: "lost" }
  /** By a person's word. */
  | { readonly kind: "set"; readonly jump: Duration; readonly author: string };

export type Command =
  /** The first command of a generation; a later generation may be founded on the state of an earlier one, never the reverse. */
  | { readonly kind: "found"; readonly site: SiteId; readonly generation: Generation }
  /** All or none: when one of several is refused, the proposer tries them one by one. */
  | { readonly kind: "join"; readonly joins: readonly JoinRequest[] }
  | { readonly kind: "remove"; readonly device: DeviceId }
  /** Refused unless `base` is the revision in force (0: the site has no configuration yet). All changes or none. */
  | {
      readonly kind: "configure";
      readonly base: LogIndex;
      readonly changes: readonly ConfigurationChange[];
      readonly author: string;
      readonly note: string;
    }
  /** Refused whole, or applied whole. */
  | ({ readonly kind: "count" } & CountProposal)
  /** Of one frozen partial: as a count of one move, but it names no revision. */
  | ({ readonly kind: "count-frozen" } & FrozenCount)
  | { readonly kind: "close"; readonly upTo: SiteTime }
  /** Refused unless `after` is the number of changes so far: a repeat, and a coordinator that knows less, change nothing. */
  | { readonly kind: "time"; readonly after: number; readonly change: TimeChange }
  /** Items up to and including `upTo` have reached the uplink broker. */
  | { readonly kind: "cursor"; readonly upTo: number }
  /**
   * Items that wait for the uplink are replaced by fewer (degrading.ts): all of them, or none. `next` is the number that the next
   * item had when it was planned; `check` is over the bytes of the replaced items as the proposer read them (`ItemsCheck`), in the
   * order of `merges` and their numbers.
   */
  | { readonly kind: "degrade"; readonly next: number; readonly check: number; readonly merges: readonly OutboxMerge[] }
  /**
   * Every replica makes a checkpoint here. `previous` is the coordinator's digest at the checkpoint before: who has
   * another one at that index has diverged.
   */
  | {
      readonly kind: "checkpoint";
      readonly previous: { readonly index: LogIndex; readonly digest: string } | undefined;
    };

/** One item of a series that takes the place of several. */
export interface OutboxMerge extends PublishedWindow {
  /** Items that it replaces, ascending. */
  readonly numbers: readonly number[];
  readonly edition: number;
  readonly unit: string;
  /** As of the merged item (outbox.ts). */
  readonly isWhole: boolean;
  /** With what the replaced items said that they replace. */
  readonly replaces: Replaced;
  readonly fold: Fold;
}

/** What is in a log entry of kind `command`. */
export interface Proposal {
  /** Absent where a repeat is harmless by itself (count, close, cursor, join, checkpoint). */
  readonly client: ClientSerial | undefined;
  readonly command: Command;
}

export type RefusalReason =
  | "malformed"
  | "not-founded"
  | "already-founded"
  | "stale-revision"
  | "invalid-configuration"
  | "unknown-member"
  | "gone-origin"
  | "heir-exists"
  | "stale-session"
  | "not-at-from"
  | "site-full"
  /** Windows in memory are at their bound and none may leave, because the outbox is full: the readings wait on their devices. */
  | "windows-full"
  /** What a `degrade` merges is not (or no longer) in the outbox as it was read, or waits for its next edition. */
  | "outbox-moved"
  /** Site time was changed meanwhile. */
  | "stale-time"
  | "session-expired"
  | "serial-out-of-order";

export type Outcome =
  | { readonly kind: "done"; readonly index: LogIndex }
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly detail: string };

/** Which parts of the state an entry touched, for whoever follows it. */
export type Touched = "configuration" | "members" | "counted" | "windows" | "outbox" | "cursor" | "time";

/** What applying one entry answers. */
export interface Applied {
  readonly outcome: Outcome;
  readonly touched: ReadonlySet<Touched>;
  /** The moves of a `count` that was applied: a device compares `check` with its own. */
  readonly moves: readonly CountMove[];
}

export interface AppliedEntry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly siteTime: SiteTime;
  readonly command: Uint8Array;
}

/** One cell of the state as it is written to a checkpoint: the unit of storage, digest and snapshot. */
export interface Cell {
  readonly key: string;
  readonly value: Uint8Array;
}
