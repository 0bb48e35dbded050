import type { Generation, Member, SiteId } from "../base/ids.ts";
import type { Began } from "../mqtt/site-codec.ts";

/** Who this device is in this life. */
export interface Life {
  readonly site: SiteId;
  readonly self: Member;
  readonly session: number;
  /** Drawn for this life: a copy of the data directory that bears the same session has another one. */
  readonly start: number;
  /** The incarnation was here before this life, and may have been copied. */
  readonly isReturning: boolean;
  /** What was on the card. */
  readonly began: Began;
  /** The incarnations whose readings this data directory still has, newest first. */
  readonly was: readonly Member["incarnation"][];
  readonly version: string;
  /** Which readings of this card nobody counts, and why; undefined: none since the agent started. */
  readonly setAside: string | undefined;
  /** The generation that this device founded and that the log may not know yet. */
  readonly founding: Generation | undefined;
}
