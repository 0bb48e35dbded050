// What a Raft log that was set aside says, for people and for programs.

import type { Entry } from "../../raft/types.ts";
import type { SetAsideLog } from "../../replica/set-aside-log.ts";
import { decodeProposal } from "../../site/command-codec.ts";
import type { Command } from "../../site/types.ts";
import { textTable } from "./text-table.ts";

export interface SetAsideRow {
  readonly incarnation: string;
  readonly index: number;
  readonly term: number;
  /** ISO 8601; absent where the coordinator had no site time. */
  readonly time: string | undefined;
  readonly isCommitted: boolean;
  readonly says: string;
}

/** Raft's own entries say nothing, and are left out. */
export function setAsideRows(
  incarnation: string,
  { entries, committed }: Pick<SetAsideLog, "entries" | "committed">,
  from: number,
): SetAsideRow[] {
  return entries.flatMap((entry) => {
    const says = wordsOf(entry);
    if (says === undefined || entry.index < from) return [];
    const { index, term, siteTime } = entry;
    const time = siteTime > 0 ? isoTime(siteTime) : undefined;
    return [{ incarnation, index, term, time, isCommitted: index <= committed, says }];
  });
}

export function describeSetAside(rows: readonly SetAsideRow[]): string {
  const cells = rows.map(({ index, term, time, isCommitted, says }) => [
    index,
    term,
    time ?? "–",
    isCommitted ? "agreed" : "unknown",
    says,
  ]);
  return textTable([["ENTRY", "TERM", "SITE TIME", "", "WHAT"], ...cells]).join("\n");
}

function wordsOf(entry: Entry): string | undefined {
  if (entry.kind === "noop") return undefined;
  if (entry.kind === "voters") {
    const { current, incoming } = entry.voters;
    return `voters ${namesOf(current)}${incoming === undefined ? "" : ` becoming ${namesOf(incoming)}`}`;
  }
  const command = decodeProposal(entry.command)?.command;
  return command === undefined ? "a command of another version" : inWords(command);
}

const namesOf = (members: readonly string[]): string => members.map((member) => member.split("@")[0]).join(", ");
const isoTime = (time: number): string => new Date(time).toISOString();

function inWords(command: Command): string {
  switch (command.kind) {
    case "found":
      return `founding of ${command.site}, generation ${command.generation.number}`;
    case "join":
      return `joined: ${command.joins.map(({ device }) => device).join(", ")}`;
    case "remove":
      return `removed: ${command.device}`;
    case "configure": {
      const names = command.changes.map(({ section, name }) => `${section}.${name}`);
      return `configured by ${command.author || "nobody named"}${command.note === "" ? "" : ` (${command.note})`}: ${names.join(", ")}`;
    }
    case "count":
      return `counted: ${command.moves.map(({ origin, from, to }) => `${namesOf([origin])} ${from + 1}–${to}`).join(", ")}`;
    case "count-frozen":
      return `counted: ${namesOf([command.move.origin])} ${command.move.from + 1}–${command.move.to}, frozen`;
    case "close":
      return `closed windows up to ${isoTime(command.upTo)}`;
    case "time":
      return `site time: ${command.change.kind}`;
    case "cursor":
      return `the uplink had items up to ${command.upTo}`;
    case "degrade":
      return `windows that waited for the uplink became coarser: ${command.merges.length} items for ${command.merges.flatMap(({ numbers }) => numbers).length}`;
    case "checkpoint":
      return "checkpoint";
  }
}
