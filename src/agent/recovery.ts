// Recovery of a site whose majority is lost for good, on one device whose agent is stopped (docs/recovery.md).
//
// What may be decided here and what not: who is lost is a person's word. Whether that word can be true, as far as anybody can
// see it from here, is checked by whoever calls this (recovery-watch.ts); what is written, and that it is written whole or not
// at all, is here and in replica/next-generation.ts.

import { SkeinError } from "../base/errors.ts";
import { type DeviceId, type Generation, type MemberKey, memberKey, memberOf, type SiteId } from "../base/ids.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { DataDirectory } from "../base/ports/data-directory.ts";
import type { Random } from "../base/ports/random.ts";
import type { Voters } from "../raft/types.ts";
import type { ReplicaParts } from "../replica/contract.ts";
import {
  type BegunGeneration,
  beginNextGeneration,
  positionOf,
  type ReplicaPosition,
} from "../replica/next-generation.ts";
import { defaultTiming, openReplica } from "../replica/open-replica.ts";

export interface RecoveryPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Opened and locked, so no agent runs on it. */
  readonly data: DataDirectory;
}

/** What this device holds of its site. */
export interface Survivor {
  readonly device: DeviceId;
  readonly generation: Generation;
  readonly position: ReplicaPosition;
  /** All members as of what is known to be agreed here, by name. */
  readonly members: readonly DeviceId[];
  readonly parts: ReplicaParts;
}

export interface RecoveryDecision {
  readonly site: SiteId;
  readonly version: string;
  /** Never this device. */
  readonly lost: readonly DeviceId[];
}

/** Fails with `refused` where this device is no survivor: it never belonged to the site, or has lost its past. */
export async function openSurvivor({ clock, random, data }: RecoveryPorts, device: DeviceId): Promise<Survivor> {
  const { identity } = data;
  const { generation } = identity;
  if (generation === undefined) {
    throw new SkeinError("refused", `${device} never belonged to its site: there is nothing to recover it from`);
  }
  const self = memberKey({ device, incarnation: identity.incarnation });
  const { logFiles, storage } = data;
  const opened = await openReplica(
    { clock, random, logFiles, storage },
    { self, founds: false, hasPast: true, timing: defaultTiming },
  );
  if (opened.kind === "lost-past") {
    throw new SkeinError("refused", `${device} has lost its past (${opened.why}): recover on another device`);
  }
  const { parts } = opened;
  // The entries are in memory, and nothing is written here any more.
  await parts.log.close();
  const members = [...parts.state.members.keys()].sort();
  return { device, generation, position: positionOf(parts), members, parts };
}

/** Durable, and all or nothing: a power cut before it resolves leaves the old generation or the new one. */
export async function beginGeneration(
  { random, data }: RecoveryPorts,
  survivor: Survivor,
  { site, version, lost }: RecoveryDecision,
): Promise<BegunGeneration & { readonly generation: Generation }> {
  const { device, parts } = survivor;
  const { incarnation, was, session } = data.identity;
  const generation: Generation = {
    number: survivor.generation.number + 1,
    nonce: Buffer.from(random.bytes(16)).toString("hex"),
  };
  let begun: BegunGeneration | undefined;
  await data.newIncarnation({
    generation,
    fill: async (stores) => {
      const self = { device, incarnation };
      begun = await beginNextGeneration(parts, stores, { site, generation, self, was, session, version, lost });
    },
  });
  if (begun === undefined)
    throw new SkeinError("data-directory-unusable", "The data directory filled no new incarnation");
  return { ...begun, generation };
}

/** Whether these voters elect a coordinator without the others: then nothing is lost, and nothing must be recovered. */
export function isMajorityLeft({ current, incoming }: Voters, lost: readonly DeviceId[]): boolean {
  const gone = new Set(lost);
  const isMajorityOf = (voters: readonly MemberKey[]): boolean =>
    2 * voters.filter((voter) => !gone.has(memberOf(voter).device)).length > voters.length;
  return isMajorityOf(current) && (incoming === undefined || isMajorityOf(incoming));
}
