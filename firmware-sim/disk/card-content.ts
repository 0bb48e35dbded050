// What a simulated card holds: everything that survives a power cut, as bytes that may rot, be copied, or be written back.

import type { Incarnation } from "../../src/base/ids.ts";
import { type DataDirectoryIdentity, incarnationLog } from "../../src/base/ports/data-directory.ts";
import type { LogPosition } from "../../src/base/ports/log-file.ts";
import type { Random } from "../../src/base/ports/random.ts";
import { currentKey, readCurrent, spaceRange } from "../../src/replica/checkpoints.ts";
import { damageBatch, type LogContent, readableRecords } from "./log-content.ts";
import type { StorageContent } from "./simulated-storage.ts";

interface IncarnationContent {
  logs: Map<string, LogContent>;
  storage: StorageContent;
}

export interface CardContent {
  identity: DataDirectoryIdentity | undefined;
  lastingLogs: Map<string, LogContent>;
  incarnations: Map<Incarnation, IncarnationContent>;
}

/** What rotted. `isNewest`: as long as nothing is written behind it, recovery takes it for a torn tail and cuts it. */
export type Rot =
  | { readonly kind: "log"; readonly log: string; readonly position: LogPosition; readonly isNewest: boolean }
  | { readonly kind: "storage"; readonly key: string };

export const emptyCard = (): CardContent => ({ identity: undefined, lastingLogs: new Map(), incarnations: new Map() });

/** Of a storage or a `raft` log without a data directory around it. */
const noIncarnation = "0".repeat(32) as Incarnation;

export function incarnationContent(card: CardContent, id: Incarnation = noIncarnation): IncarnationContent {
  let content = card.incarnations.get(id);
  if (content === undefined) {
    content = { logs: new Map(), storage: { cells: new Map() } };
    card.incarnations.set(id, content);
  }
  return content;
}

/** The log `name`, of the present incarnation where it belongs to one. */
export function presentLog(card: CardContent, name: string): LogContent | undefined {
  const current = card.identity?.incarnation;
  const logs =
    name === incarnationLog && current !== undefined ? incarnationContent(card, current).logs : card.lastingLogs;
  return logs.get(name);
}

export function rotLog(card: CardContent, name: string, position: LogPosition): void {
  const log = presentLog(card, name);
  if (log === undefined || !damageBatch(log, position)) throw new Error(`No position ${position} in ${name}`);
}

/** In the present incarnation's storage. */
export function rotCell(card: CardContent, key: string): void {
  const { cells } = incarnationContent(card, card.identity?.incarnation).storage;
  const value = cells.get(key);
  if (value === undefined || value.length === 0) throw new Error(`No bytes under ${key}`);
  const rotten = new Uint8Array(value);
  rotten[0] = (rotten[0] ?? 0) ^ 0xff;
  cells.set(key, rotten);
}

/**
 * One record of the Raft log, one of the readings or one cell of the storage, chosen by `random`: each of the three that
 * holds anything is as likely, and so is everything within it. Undefined, and nothing is harmed, where nothing is stored.
 */
export function rotAnywhere(card: CardContent, random: Random): Rot | undefined {
  const choices = [...rotsOfLogs(card, [incarnationLog, "readings"], "newest too"), ...rotsOfStorage(card)];
  return choices[random.below(choices.length)]?.(random);
}

/** As `rotAnywhere`, of what the agreement stands on, and where recovery finds it: never the newest batch, which it takes for torn. */
export function rotAgreement(card: CardContent, random: Random): Rot | undefined {
  const choices = [...rotsOfLogs(card, [incarnationLog], "newest spared"), ...rotsOfStorage(card, isInUse)];
  return choices[random.below(choices.length)]?.(random);
}

/** As `rotAgreement`, of the readings. */
export function rotReadings(card: CardContent, random: Random): Rot | undefined {
  const [rot] = rotsOfLogs(card, ["readings"], "newest spared");
  return rot?.(random);
}

type RotChoice = (random: Random) => Rot;

function rotsOfLogs(card: CardContent, names: readonly string[], newest: "newest too" | "newest spared"): RotChoice[] {
  return names.flatMap((name): RotChoice[] => {
    const log = presentLog(card, name);
    const newestFirst = log?.segments.at(-1)?.batches.at(-1)?.first ?? Number.POSITIVE_INFINITY;
    const records = log === undefined ? [] : readableRecords(log);
    const exposed = newest === "newest too" ? records : records.filter(({ position }) => position < newestFirst);
    if (log === undefined || exposed.length === 0) return [];
    const rot: RotChoice = (random) => {
      const position = exposed[random.below(exposed.length)]?.position ?? 0;
      damageBatch(log, position);
      return { kind: "log", log: name, position, isNewest: position >= newestFirst };
    };
    return [rot];
  });
}

/** Not of the space that snapshots are received into: what a power cut left there is never read (seed 11025). */
function isInUse(key: string, cells: ReadonlyMap<string, Uint8Array>): boolean {
  const current = cells.get(currentKey);
  const space = current === undefined ? undefined : readCurrent(current)?.space;
  return key === currentKey || (space !== undefined && key.startsWith(spaceRange(space).from));
}

function rotsOfStorage(
  card: CardContent,
  isChosen: (key: string, cells: ReadonlyMap<string, Uint8Array>) => boolean = () => true,
): RotChoice[] {
  const { cells } = incarnationContent(card, card.identity?.incarnation).storage;
  const keys = [...cells].filter(([key, value]) => value.length > 0 && isChosen(key, cells)).map(([key]) => key);
  if (keys.length === 0) return [];
  const rot: RotChoice = (random) => {
    const key = keys[random.below(keys.length)] ?? "";
    rotCell(card, key);
    return { kind: "storage", key };
  };
  return [rot];
}
