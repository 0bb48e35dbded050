import type { Generation, Member, SiteId } from "../base/ids.ts";

/** Who this device is in this life. */
export interface Life {
  readonly site: SiteId;
  readonly self: Member;
  readonly session: number;
  /** The incarnations whose readings this data directory still has, newest first. */
  readonly was: readonly Member["incarnation"][];
  readonly version: string;
  /** The generation that this device founded and that the log may not know yet. */
  readonly founding: Generation | undefined;
}
