// Why a site must not be recovered now, on this device, without these others: sentences for the person who wants to. Pure.

import { type DeviceId, memberOf } from "../base/ids.ts";
import { logIndex, term } from "../base/units.ts";
import type { Voters } from "../raft/types.ts";
import { isMoreUpToDate, type LogPosition } from "../replica/next-generation.ts";
import { isMajorityLeft } from "./recovery.ts";
import type { RecoveryReport } from "./recovery-report.ts";
import type { SeenDevice, Surroundings } from "./recovery-watch.ts";

export interface RecoveryPlan {
  readonly self: DeviceId;
  readonly generation: number;
  readonly last: LogPosition;
  readonly voters: Voters;
  /** Known to this device. */
  readonly members: readonly DeviceId[];
  readonly lost: readonly DeviceId[];
  /** The person says that no other device is left that could be asked. */
  readonly isAlone: boolean;
}

/** Without incarnations, each once, by name. */
export const votersOf = ({ current, incoming = [] }: Voters): readonly DeviceId[] =>
  [...new Set([...current, ...incoming].map((voter) => memberOf(voter).device))].sort();

/** What the names alone say; nobody need be listened for before. */
export function objectionsToNames({ self, voters, members, lost }: RecoveryPlan): readonly string[] {
  const objections: string[] = [];
  const known = new Set([...members, ...votersOf(voters)]);
  for (const device of lost) {
    if (device === self) objections.push(`${device} is this very device: it cannot be lost`);
    else if (!known.has(device)) objections.push(`${device} is no member of the site: look at its name`);
  }
  if (isMajorityLeft(voters, lost)) {
    const left = votersOf(voters).filter((device) => !lost.includes(device));
    objections.push(
      `${left.join(", ")} are a majority of the voters (${votersOf(voters).join(", ")}) and elect a coordinator by themselves: ` +
        "start their agents, and nothing needs to be recovered",
    );
  }
  return objections;
}

/** What the others say, or that they are there at all. */
export function objectionsOfOthers(plan: RecoveryPlan, { brokers, seen }: Surroundings): readonly string[] {
  const objections: string[] = [];
  if (!plan.isAlone && !brokers.some(({ isUp }) => isUp)) {
    objections.push(
      "no broker could be reached, so nobody could be heard: name another one with --broker, or say --alone",
    );
  }
  for (const device of plan.lost) {
    const found = seen.get(device);
    if (found !== undefined) objections.push(`${device} is declared lost, and is heard on ${[...found.on].join(", ")}`);
  }
  for (const device of votersOf(plan.voters)) {
    if (device === plan.self || plan.lost.includes(device) || seen.get(device)?.report !== undefined) continue;
    objections.push(
      `${device} votes, is not declared lost, and does not answer: start its agent (its log may hold more), or declare it lost`,
    );
  }
  for (const [device, { report }] of [...seen].sort(byName)) {
    if (report === undefined || plan.lost.includes(device)) continue;
    const objection = objectionOf(device, report, plan);
    if (objection !== undefined) objections.push(objection);
  }
  return objections;
}

function objectionOf(device: DeviceId, report: RecoveryReport, plan: RecoveryPlan): string | undefined {
  if (report.generation < plan.generation) return undefined; // it comes over by itself
  if (report.generation > plan.generation) {
    return `${device} belongs to generation ${report.generation} already: start the agent of ${plan.self}, and it comes over`;
  }
  if (report.leader !== null)
    return `${device} follows the coordinator ${report.leader}: the site has not lost its majority`;
  if (!isMoreUpToDate({ index: logIndex(report.index), term: term(report.term) }, plan.last)) return undefined;
  return (
    `${device} holds more: its log ends with entry ${report.index} of term ${report.term}, the one here with entry ` +
    `${plan.last.index} of term ${plan.last.term}. Start the agent here, and recover on ${device}`
  );
}

const byName = ([a]: readonly [DeviceId, SeenDevice], [b]: readonly [DeviceId, SeenDevice]): number => (a < b ? -1 : 1);
