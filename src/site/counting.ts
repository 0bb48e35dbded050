// The one entry that adds to windows (PROTOCOLS, "Counting each reading once", entry `count`): it moves each origin from exactly
// where it stands, or nothing at all happens. Repeats, late messages, two coordinators and entries of a dead coordinator that
// commit later are then one case: refused.

import { type DeviceId, type MemberKey, memberOf } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { type SiteTime, siteTime } from "../base/units.ts";
import type { CountMove, CountPart } from "../readings/types.ts";
import type { DefinitionHistory } from "./definitions.ts";
import type { Members } from "./members.ts";
import { type Refusal, refused } from "./refusals.ts";
import type { Command } from "./types.ts";
import type { Windows } from "./windows.ts";

export type CountCommand = Extract<Command, { readonly kind: "count" }>;

export type FrozenCountCommand = Extract<Command, { readonly kind: "count-frozen" }>;

export interface CountingParts {
  readonly members: Members;
  readonly windows: Windows;
  readonly definitions: DefinitionHistory;
  /** Newest site time in the log. */
  readonly now: SiteTime;
  /** What ended up to here may have left. */
  readonly horizon: SiteTime;
  /** Of windows; at it, nothing more is counted. */
  readonly bytesMax: number;
}

/** Moves and merges all of the entry, or says why none of it. */
export function applyCount(command: CountCommand, parts: CountingParts): Refusal | undefined {
  const refusal = refuseMoves(command, parts) ?? refuseParts(command, parts);
  if (refusal !== undefined) return refusal;
  for (const { origin, to, stored } of command.moves) parts.members.move(origin, to, stored);
  for (const part of command.parts) {
    const end = parts.definitions.endOf(part.key);
    if (end === undefined) continue;
    parts.windows.add(part.key, part.fold, contributorsOf(part, command), { end, horizon: parts.horizon });
  }
  return undefined;
}

/**
 * The same of a frozen partial. Where the site still has a window, or defines one, exactly as long as it was when it was frozen, it
 * is counted there. What was merged into a longer one since, or has no definition any more, becomes a supplement of its own length.
 */
export function applyFrozenCount(command: FrozenCountCommand, parts: CountingParts): Refusal | undefined {
  const { move, stampMax } = command;
  const refusal = refusePlaces([move], stampMax, parts) ?? refuseFrozenParts(command);
  if (refusal !== undefined) return refusal;
  parts.members.move(move.origin, move.to, move.stored);
  for (const { key, end, fold } of command.parts) {
    const isDefined = parts.definitions.endOf(key) === end;
    parts.windows.add(key, fold, [], { end, horizon: parts.horizon, isSupplement: !isDefined });
  }
  return undefined;
}

function refuseFrozenParts({ move: { from, to }, stampMax, parts }: FrozenCountCommand): Refusal | undefined {
  for (const { key, end, fold } of parts) {
    if (end - key.start > limits.frozenSpan)
      return refused("malformed", `${nameOf(key)} is longer than anything is frozen into`);
    const refusal = refusePart({ key, fold }, stampMax, to - from);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refuseMoves(command: CountCommand, parts: CountingParts): Refusal | undefined {
  const { revision } = parts.definitions.current;
  if (command.revision !== revision) {
    return refused("stale-revision", `Folded under revision ${command.revision}; the definitions are at ${revision}`);
  }
  return refusePlaces(command.moves, command.stampMax, parts);
}

function refusePlaces(
  moves: readonly CountMove[],
  stampMax: SiteTime,
  { members, windows, now, bytesMax }: CountingParts,
): Refusal | undefined {
  if (moves.length === 0) return refused("malformed", "A count without a move");
  const places = new Map<MemberKey, number>();
  for (const { origin, from, to } of moves) {
    if (members.isGone(origin)) return refused("gone-origin", `${origin} was removed`);
    const place = places.get(origin) ?? members.counted(origin);
    if (place === undefined) return refused("unknown-member", `${origin} is no member`);
    if (from !== place) return refused("not-at-from", `${origin} is counted up to ${place}, not ${from}`);
    places.set(origin, to);
  }
  if (stampMax > now + limits.stampLead) return refused("malformed", "Stamps are ahead of site time");
  if (windows.bytes >= bytesMax) {
    return refused("windows-full", "No window may leave because the outbox is full: readings wait on their devices");
  }
  return undefined;
}

/** Of a window that is defined. */
function refuseParts(command: CountCommand, { definitions }: CountingParts): Refusal | undefined {
  const moved = command.moves.reduce((sum, { from, to }) => sum + to - from, 0);
  for (const { key, fold } of command.parts) {
    if (definitions.endOf(key) === undefined) return refused("malformed", `There is no window ${nameOf(key)}`);
    const refusal = refusePart({ key, fold }, command.stampMax, moved);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** A part holds no more readings than the entry moves, and none newer than its newest stamp. */
function refusePart(
  { key, fold }: Pick<CountPart, "key" | "fold">,
  stampMax: SiteTime,
  moved: number,
): Refusal | undefined {
  if (key.start > stampMax) return refused("malformed", `${nameOf(key)} begins after the newest stamp`);
  if (fold.count + fold.missing > moved)
    return refused("malformed", `${nameOf(key)} has more readings than the entry moves`);
  return undefined;
}

const nameOf = ({ aggregation, group, start }: CountPart["key"]): string => `${aggregation}/${group} at ${start}`;

function contributorsOf({ origins }: CountPart, { moves }: CountCommand): readonly DeviceId[] {
  return origins.flatMap((place) => {
    const move = moves[place];
    return move === undefined ? [] : [memberOf(move.origin).device];
  });
}

/** The newest stamp counted, as whole milliseconds that are not before it. */
export const raisedStampMax = (before: SiteTime, { stampMax }: Pick<CountCommand, "stampMax">): SiteTime =>
  siteTime(Math.max(before, Math.ceil(stampMax)));
