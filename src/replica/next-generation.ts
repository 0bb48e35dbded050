// A majority lost for good: the next generation of a site, out of what one survivor holds (PROTOCOLS, "A majority lost for
// good"). Raft cannot do this, and must not: a person says who is lost.
//
// Idea: the new generation begins with a snapshot instead of a log. Everything that the survivor's log holds is applied, what is
// not known to be committed too, and the result is the checkpoint of a new incarnation of this device, which is its only voter.
// No entry, vote or configuration of the old generation is carried over, so nothing of it can commit, be truncated or be
// answered later. The founding stands exactly between what is known to be committed and the rest: the lost majority may have
// agreed on other entries in the place of that rest, and delivered other items under the same numbers. What the rest makes is
// therefore of the new generation: a number of the old one never names other bytes (RAFT-CASES 51).

import { assert, SkeinError } from "../base/errors.ts";
import {
  type DeviceId,
  type Generation,
  type Incarnation,
  type Member,
  type MemberKey,
  memberKey,
  type SiteId,
} from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { IncarnationStores } from "../base/ports/data-directory.ts";
import { type LogIndex, logIndex, type SiteTime, type Term, term } from "../base/units.ts";
import type { Entry, LogStart, Voters } from "../raft/types.ts";
import { decodeProposal, encodeProposal } from "../site/command-codec.ts";
import { SiteState } from "../site/state.ts";
import type { Command } from "../site/types.ts";
import { Checkpoints, spaceRange } from "./checkpoints.ts";
import type { ReplicaParts } from "./contract.ts";
import { newestTime } from "./open-replica.ts";
import { RaftLog } from "./raft-log.ts";

/** Far above any term that the lost majority may have reached: what is shown by term stays in order too. */
const termsBetween = 1_000;
const cellsAtOnce = 256;

/** How up to date a replica is: the log with the greater last term, then the greater last index, holds more that was agreed. */
export interface LogPosition {
  readonly index: LogIndex;
  readonly term: Term;
}

export const isMoreUpToDate = (a: LogPosition, b: LogPosition): boolean =>
  a.term > b.term || (a.term === b.term && a.index > b.index);

/** What a stopped replica says of itself. */
export interface ReplicaPosition {
  readonly last: LogPosition;
  /** Up to here it is known here that the site agreed; entries behind it may be anybody's. */
  readonly committed: LogIndex;
  /** The newest site time on this card. */
  readonly siteTime: SiteTime;
  /** As of the newest entry, agreed or not. */
  readonly voters: Voters;
}

export function positionOf({ initial, state, voters }: ReplicaParts): ReplicaPosition {
  const { start, entries, checkpoint } = initial;
  const last = entries.at(-1) ?? start;
  const configured = entries.findLast((entry) => entry.kind === "voters");
  return {
    last: { index: last.index, term: last.term },
    committed: logIndex(Math.max(initial.commit ?? 0, checkpoint?.index ?? 0, start.index)),
    siteTime: newestTime({ initial, state }),
    voters: configured?.voters ?? voters,
  };
}

export interface NextGeneration {
  readonly site: SiteId;
  readonly generation: Generation;
  /** This device, as it was until now. */
  readonly self: Member;
  /** The incarnations whose readings it has beside its own. */
  readonly was: readonly Incarnation[];
  /** Start counter of its data directory: its next start is a later one. */
  readonly session: number;
  readonly version: string;
  /** Members that are declared lost: what they had not had counted is reported as destroyed. */
  readonly lost: readonly DeviceId[];
}

export interface BegunGeneration {
  readonly start: LogStart;
  /** Entries of the old generation that were not known to be agreed, and are from now on. */
  readonly adopted: number;
}

/**
 * Fills the stores of a new incarnation; whoever calls it makes that incarnation current afterwards. `source` is only read. Fails
 * with `refused` where `source` holds nothing of the site, or of a later generation, and as the stores do.
 */
export async function beginNextGeneration(
  source: ReplicaParts,
  into: IncarnationStores,
  next: NextGeneration,
): Promise<BegunGeneration> {
  const { last, committed } = positionOf(source);
  const { checkpoints } = await Checkpoints.open(into.storage);
  const state = await copyState(source, checkpoints);
  const applied = source.checkpoints.current?.start.index ?? 0;
  const entries = source.initial.entries.filter(({ index }) => index > applied);
  const agreed = entries.filter(({ index }) => index <= committed);
  const adopted = entries.filter(({ index }) => index > committed);

  for (const entry of agreed) applyEntry(state, entry);
  const at: Moment = {
    index: logIndex(last.index + 1),
    term: term(Math.max(source.initial.hardState.term, last.term) + termsBetween),
    siteTime: newestTime(source),
  };
  const { site, generation, self, lost, was, session, version } = next;
  checkFounded(state, next);
  applyCommand(state, at, { kind: "found", site, generation });
  for (const entry of adopted) if (!isAcknowledgement(entry)) applyEntry(state, entry);
  for (const device of lost)
    if (state.member(device) !== undefined) applyCommand(state, at, { kind: "remove", device });
  const { incarnation } = into;
  const inherited = [self.incarnation, ...was].slice(0, limits.incarnationsInherited);
  applyCommand(state, at, {
    kind: "join",
    // No agent speaks in this session: the next start has a later one.
    joins: [{ device: self.device, incarnation, session, start: 0, was: inherited, version }],
  });

  const only: MemberKey = memberKey({ device: self.device, incarnation });
  const start: LogStart = { index: at.index, term: at.term, voters: { current: [only] } };
  const digest = state.digest();
  const changed = state.takeDirty();
  await checkpoints.save({ start, digest, bytes: state.bytes }, changed);
  await writeLog(into, start);
  return { start, adopted: adopted.length };
}

interface Moment {
  readonly index: LogIndex;
  readonly term: Term;
  readonly siteTime: SiteTime;
}

/** The old checkpoint, cell by cell, checked by its digest at the end; nothing where the survivor has none yet. */
async function copyState(source: ReplicaParts, into: Checkpoints): Promise<SiteState> {
  const view = await source.checkpoints.view();
  if (view === undefined) return SiteState.empty();
  const { space, checkpoint, cells } = view;
  try {
    const range = spaceRange(space);
    const prefix = range.from;
    await into.beginReceiving();
    for (let from = range.from; ; ) {
      const page = await cells.page({ from, to: range.to }, cellsAtOnce);
      await into.receive(page.map(([key, value]) => ({ key: key.slice(prefix.length), value })));
      const end = page.at(-1);
      if (end === undefined || page.length < cellsAtOnce) break;
      from = `${end[0]}\u0000`;
    }
    const { start, digest, bytes } = checkpoint;
    return await into.install({ leader: source.self, ...start, digest }, start.voters, bytes);
  } finally {
    await cells.release();
  }
}

function checkFounded(state: SiteState, { site, generation }: NextGeneration): void {
  const present = state.generation;
  if (present === undefined || state.site === undefined) {
    throw new SkeinError("refused", "This device holds nothing of its site yet: recover on another one");
  }
  if (state.site !== site || present.number >= generation.number) {
    throw new SkeinError(
      "refused",
      `This device holds generation ${present.number} of site ${state.site}, which generation ${generation.number} of ${site} cannot follow`,
    );
  }
}

/** Cursors speak of item numbers of the old generation; an item that is sent again is the same item. */
function isAcknowledgement(entry: Entry): boolean {
  return entry.kind === "command" && decodeProposal(entry.command)?.command.kind === "cursor";
}

function applyEntry(state: SiteState, entry: Entry): void {
  if (entry.kind === "command") state.apply(entry);
}

/** What makes the new generation must not be refused: half of it would be neither. */
function applyCommand(state: SiteState, at: Moment, command: Command): void {
  const { outcome } = state.apply({ ...at, command: encodeProposal({ client: undefined, command }) });
  if (outcome.kind === "refused") throw new SkeinError("refused", `${command.kind}: ${outcome.detail}`);
}

async function writeLog({ logFiles }: IncarnationStores, start: LogStart): Promise<void> {
  const { log, recovered } = await RaftLog.open(logFiles, []);
  assert(recovered.isNew, "a generation begins with a log of its own");
  try {
    await new Promise<void>((done, failed) => {
      log.persist(
        {
          kind: "persist",
          token: 1,
          start,
          hardState: { term: start.term, vote: undefined },
          entries: [],
          urgent: true,
        },
        start.index,
        (failure) => (failure === undefined ? done() : failed(failure)),
      );
    });
  } finally {
    await log.close();
  }
}
