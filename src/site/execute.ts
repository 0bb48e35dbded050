// One command, carried out on the tables. Each checks everything first and changes something only when nothing can be refused
// any more: all of an entry or none of it.

import { type DeviceId, memberOf } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { type LogIndex, type SiteTime, siteTime, type Term } from "../base/units.ts";
import { definitionAt, emptyFold, windowStart } from "../readings/fold.ts";
import type { AggregationDefinition, CountMove, WindowKey } from "../readings/types.ts";
import { publishDue } from "./closing.ts";
import type { DecodedProposal } from "./command-codec.ts";
import { definitionsOf, mayChangeDefinitions, unitsOf } from "./configuration-groups.ts";
import {
  applyCount,
  applyFrozenCount,
  type CountCommand,
  type FrozenCountCommand,
  raisedStampMax,
} from "./counting.ts";
import { applyDegrade } from "./degrading.ts";
import { type LossKind, lossEvent, lossesEvent, type SaidAt } from "./loss-event.ts";
import type { EndedOrigin, MembershipChange } from "./members.ts";
import { type Refusal, refused } from "./refusals.ts";
import type { Tables } from "./tables.ts";
import type { Command, Outcome, Touched } from "./types.ts";

interface Execution {
  readonly outcome: Outcome;
  readonly touched: readonly Touched[];
  readonly moves: readonly CountMove[];
}

interface EntryHead {
  readonly index: LogIndex;
  readonly term: Term;
}

type Of<Kind extends Command["kind"]> = Extract<Command, { readonly kind: Kind }>;

export function execute(tables: Tables, { proposal, packedChanges }: DecodedProposal, head: EntryHead): Execution {
  const { command } = proposal;
  const result = run(tables, command, packedChanges, head);
  if (!Array.isArray(result)) return { outcome: result as Refusal, touched: [], moves: [] };
  const moves = movesOf(command);
  return { outcome: { kind: "done", index: head.index }, touched: result as readonly Touched[], moves };
}

function movesOf(command: Command): readonly CountMove[] {
  if (command.kind === "count") return command.moves;
  return command.kind === "count-frozen" ? [command.move] : [];
}

function run(
  tables: Tables,
  command: Command,
  packedChanges: Uint8Array | undefined,
  head: EntryHead,
): Refusal | readonly Touched[] {
  const isFounded = tables.facts.generation !== undefined;
  if (!isFounded && command.kind !== "found") return refused("not-founded", "The site is not founded yet");
  switch (command.kind) {
    case "found":
      return found(tables, command);
    case "join": {
      const refusal = tables.members.refusal(command.joins);
      return refusal ?? changeMembers(tables, tables.members.join(command.joins, head.index), head);
    }
    case "remove": {
      const change = tables.members.remove(command.device);
      if (change === undefined) return refused("unknown-member", `${command.device} is no member`);
      return changeMembers(tables, change, head);
    }
    case "configure":
      return configure(tables, command, packedChanges ?? new Uint8Array(0), head);
    case "count":
    case "count-frozen":
      return count(tables, command);
    case "close":
      return close(tables, command, head);
    case "cursor":
      return moveCursor(tables, command, head);
    case "degrade":
      return degrade(tables, command, head);
    case "checkpoint":
      tables.facts.set({ checkpoint: { index: head.index, previous: command.previous } });
      return [];
    case "time":
      return changeTime(tables, command, head);
  }
}

/** Again by a later generation: the state goes on, and what it publishes is told apart by the generation in its id. */
function found({ facts, configuration }: Tables, { site, generation }: Of<"found">): Refusal | readonly Touched[] {
  const present = facts.generation;
  if (present?.number === generation.number && present.nonce === generation.nonce && facts.site === site) return [];
  if (present !== undefined && (facts.site !== site || generation.number <= present.number)) {
    return refused("already-founded", `The site is founded: ${facts.site}, generation ${present.number}`);
  }
  facts.set({ site, generation });
  if (present === undefined) configuration.found();
  return ["configuration"];
}

/** Readings that nobody can count any more are published as missing, and named; those that turned up with an heir no longer are. */
function changeMembers(tables: Tables, { ended, resumed }: MembershipChange, head: EntryHead): readonly Touched[] {
  const found = resumed.filter(({ destroyed }) => destroyed > 0);
  const lost = ended.filter(({ destroyed }) => destroyed > 0);
  for (const origin of found) {
    const held = origin.reported.filter((key) => tables.windows.get(key) !== undefined);
    addMissing(tables, held, -origin.destroyed);
    sayLoss(tables, "readings-found", origin, head);
  }
  for (const origin of lost) {
    reportDestroyed(tables, origin);
    sayLoss(tables, "readings-lost", origin, head);
  }
  return found.length + lost.length > 0 ? ["members", "windows", "outbox"] : ["members"];
}

function moveCursor(tables: Tables, { upTo }: Of<"cursor">, head: EntryHead): Refusal | readonly Touched[] {
  const { outbox, unsaidLosses } = tables;
  if (upTo >= outbox.next) return refused("malformed", `There is no item ${upTo} yet`);
  if (!outbox.acknowledge(upTo)) return [];
  let isSaid = false;
  while (!outbox.isFull) {
    const losses = unsaidLosses.take();
    if (losses === undefined) break;
    outbox.append(lossesEvent(losses, saidAt(tables, head)));
    isSaid = true;
  }
  return isSaid ? ["cursor", "outbox"] : ["cursor"];
}

/** Also into a full outbox: it is small, and nobody could say it later. Beyond the room for such events they are summed. */
function sayLoss(tables: Tables, kind: LossKind, origin: EndedOrigin, head: EntryHead): void {
  const { outbox, unsaidLosses, bounds } = tables;
  const hasRoom = outbox.bytes < bounds.outboxBytes + limits.lossEventsBytes;
  if (hasRoom) outbox.append(lossEvent(kind, origin, saidAt(tables, head)));
  else unsaidLosses.add(kind, memberOf(origin.origin).device, origin.destroyed);
}

const saidAt = ({ facts, outbox }: Tables, { term }: EntryHead): SaidAt => ({
  id: `${facts.generation?.number ?? 0}.${outbox.next}`,
  ts: facts.floor,
  term,
});

/**
 * In each aggregation once: in the window that is open now, in the group of the device's first sensor. The site knows how many
 * readings they were, not of which sensor.
 */
function reportDestroyed(tables: Tables, { origin, destroyed }: EndedOrigin): void {
  const { definitions, facts } = tables;
  const version = definitionAt(definitions.current, facts.floor);
  const keys = (version?.aggregations ?? []).flatMap((aggregation) => {
    const group = groupOf(aggregation, memberOf(origin).device);
    if (version === undefined || group === undefined) return [];
    const start = windowStart(facts.floor, aggregation.window);
    const keyAt = (at: SiteTime): WindowKey => ({ aggregation: aggregation.name, group, start: at });
    return [definitions.endOf(keyAt(start)) === undefined ? keyAt(version.from) : keyAt(start)];
  });
  addMissing(tables, keys, destroyed);
  tables.members.report(origin, keys);
}

function groupOf({ sensors }: AggregationDefinition, device: DeviceId): string | undefined {
  for (const place of sensors.values()) {
    if (place.device === device) return place.group;
  }
  return undefined;
}

function addMissing({ windows, definitions, facts }: Tables, keys: readonly WindowKey[], missing: number): void {
  for (const key of keys) {
    const end = definitions.endOf(key);
    if (end !== undefined) windows.add(key, { ...emptyFold, missing }, [], { end, horizon: facts.horizon });
  }
}

function configure(
  tables: Tables,
  { base, author, note, changes }: Of<"configure">,
  packed: Uint8Array,
  { index }: EntryHead,
): Refusal | readonly Touched[] {
  const { configuration, definitions, windows, facts } = tables;
  const draft = configuration.draft(base, changes);
  if ("reason" in draft) return draft;
  configuration.commit(draft, { revision: index, siteTime: facts.floor, author, note, changes }, packed);
  if (definitions.current.versions.length > 0 && !mayChangeDefinitions(draft, changes)) return ["configuration"];
  const moment = { index, siteTime: facts.floor, stampMax: facts.stampMax, horizon: oldestAge(tables) };
  if (definitions.update(definitionsOf(draft), moment)) windows.moveEnds((key) => definitions.endOf(key));
  return ["configuration"];
}

function count(tables: Tables, command: CountCommand | FrozenCountCommand): Refusal | readonly Touched[] {
  const { members, windows, definitions, facts, bounds } = tables;
  const parts = {
    members,
    windows,
    definitions,
    now: facts.floor,
    horizon: facts.horizon,
    bytesMax: bounds.windowBytesMax,
  };
  const refusal = command.kind === "count" ? applyCount(command, parts) : applyFrozenCount(command, parts);
  if (refusal !== undefined) return refusal;
  const horizon = windows.dropOld(oldestAge(tables), facts.closedUpTo);
  facts.set({ stampMax: raisedStampMax(facts.stampMax, command), horizon });
  return ["counted", "windows"];
}

function close(tables: Tables, { upTo }: Of<"close">, { term }: EntryHead): Refusal | readonly Touched[] {
  const { configuration, definitions, facts, windows, outbox, series, bounds } = tables;
  if (upTo > facts.floor + limits.stampLead)
    return refused("malformed", "Closes windows that are far ahead of site time");
  facts.set({ closedUpTo: siteTime(Math.floor(upTo)) });
  const units = new Map<string, ReadonlyMap<string, string>>();
  for (const definition of definitions.current.versions.at(-1)?.aggregations ?? []) {
    units.set(definition.name, unitsOf(configuration.configuration, definition));
  }
  const items = publishDue({
    windows,
    outbox,
    series,
    term,
    generation: facts.generation?.number ?? 0,
    now: facts.floor,
    closedUpTo: facts.closedUpTo,
    itemsMax: bounds.closeItems,
    editionInterval: configuration.configuration.settings.editionInterval,
    unitOf: ({ key }) => units.get(key.aggregation)?.get(key.group) ?? "",
  });
  facts.set({ horizon: windows.dropOld(oldestAge(tables), facts.closedUpTo) });
  series.forgetBefore(oldestAge(tables));
  return items > 0 ? ["windows", "outbox"] : ["windows"];
}

function degrade(tables: Tables, command: Of<"degrade">, { term }: EntryHead): Refusal | readonly Touched[] {
  const { facts, windows, outbox, series } = tables;
  const generation = facts.generation?.number ?? 0;
  const { closedUpTo } = facts;
  const result = applyDegrade(command, { windows, outbox, series, generation, term, closedUpTo });
  if ("reason" in result) return result;
  facts.set({ horizon: result.horizon });
  return ["windows", "outbox"];
}

/** A jump raises the floor at once: stamps may be given by it from now on, whoever coordinates next. */
function changeTime({ time, facts }: Tables, command: Of<"time">, { index }: EntryHead): Refusal | readonly Touched[] {
  const result = time.change(command, { index, at: facts.floor });
  if ("reason" in result) return result;
  facts.set({ floor: result.floor });
  return ["time"];
}

/** What ended before it may leave, whatever room there is. */
const oldestAge = ({ facts, bounds }: Tables): SiteTime => siteTime(Math.max(0, facts.floor - bounds.windowAge));
