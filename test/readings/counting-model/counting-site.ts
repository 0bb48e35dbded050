// What the counting model needs of a replicated state machine. The model brings a tiny one of its own (`model-site.ts`), with
// rules that can be removed one by one; the real one of src/site fits behind the same door.

import type { Incarnation, MemberKey } from "../../../src/base/ids.ts";
import type { LogIndex, SiteTime, Term } from "../../../src/base/units.ts";
import type {
  AggregationDefinition,
  CountProposal,
  Definitions,
  FrozenCount,
  WindowKey,
} from "../../../src/readings/types.ts";

export type ModelCommand =
  | ({ readonly kind: "count" } & CountProposal)
  | ({ readonly kind: "count-frozen" } & FrozenCount)
  | { readonly kind: "close"; readonly upTo: SiteTime }
  | { readonly kind: "define"; readonly aggregations: readonly AggregationDefinition[]; readonly from: SiteTime }
  | { readonly kind: "join"; readonly origin: MemberKey; readonly was: Incarnation | undefined }
  /** The first command of a term: changes nothing. */
  | { readonly kind: "begin" };

export interface ModelEntry {
  readonly index: LogIndex;
  readonly term: Term;
  /** The proposer's. */
  readonly siteTime: SiteTime;
  readonly command: ModelCommand;
}

/** Of one window, or of one edition of it. */
export interface Amount {
  readonly count: number;
  readonly sum: number;
  readonly missing: number;
}

export interface CountingSite {
  /** True: done. False: refused, and nothing changed. */
  apply(entry: ModelEntry): boolean;
  isMember(origin: MemberKey): boolean;
  /** Last number counted, of removed origins too. */
  counted(origin: MemberKey): number | undefined;
  /** The readings of this removed origin are already counted on by another. */
  hasHeir(origin: MemberKey): boolean;
  definitions(): Definitions;
  windows(): Iterable<{ readonly key: WindowKey; readonly amount: Amount }>;
  /** By key, as `keyText` writes it: the newest edition. */
  editions(): ReadonlyMap<string, Amount>;
  closedUpTo(): SiteTime;
}
