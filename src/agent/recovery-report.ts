// What a running member answers to `recovery`: how far its log reaches, and whether it has a coordinator.

import { type DeviceId, isDeviceId } from "../base/ids.ts";
import { isCount } from "./api-arguments.ts";

export interface RecoveryReport {
  readonly generation: number;
  /** Of the last entry of its log, agreed or not. */
  readonly index: number;
  readonly term: number;
  /** The newest site time that it knows. */
  readonly siteTime: number;
  /** Null: it hears none. */
  readonly leader: DeviceId | null;
}

/** The last millisecond that a date can show (ECMA-262 §21.4.1.1). */
const dateMax = 8.64e15;

/** Undefined for an answer that is none of this version. */
export function readRecoveryReport(answer: unknown): RecoveryReport | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const { generation, index, term, siteTime, leader } = answer as Readonly<Record<string, unknown>>;
  if (!isCount(generation) || !isCount(index) || !isCount(term) || !isCount(siteTime)) return undefined;
  if (siteTime > dateMax) return undefined;
  if (leader !== null && !isDeviceId(leader)) return undefined;
  return { generation, index, term, siteTime, leader };
}
