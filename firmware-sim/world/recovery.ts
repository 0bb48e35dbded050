// The person who recovers a site whose majority is lost for good, on one surviving card, with the code of `skein recover`
// (docs/recovery.md): she looks around, gives up if anything speaks against it, and has the next generation written.
//
// What a recovery adopts is in no log: the new generation begins with a checkpoint. So it is told to the books here, entry by entry as
// the page says that it is made, applied to a state of their own; what the device then starts with must be the same to the byte.

import { beginGeneration, openSurvivor, type Survivor } from "../../src/agent/recovery.ts";
import { objectionsOfOthers, objectionsToNames } from "../../src/agent/recovery-objections.ts";
import { lookAround } from "../../src/agent/recovery-watch.ts";
import { assert } from "../../src/base/errors.ts";
import { type DeviceId, type Generation, type Member, memberKey } from "../../src/base/ids.ts";
import { type LogIndex, seconds } from "../../src/base/units.ts";
import type { Entry, LogStart } from "../../src/raft/types.ts";
import { decodeProposal, encodeProposal } from "../../src/site/command-codec.ts";
import type { Applied, Command, JoinRequest } from "../../src/site/types.ts";
import { VirtualClock } from "../virtual-clock.ts";
import type { WatchedLife } from "./checker.ts";
import type { Machine } from "./machine.ts";
import { worldSite } from "./names.ts";
import { registerKey } from "./register-client.ts";
import type { World } from "./world.ts";

type CommandEntry = Extract<Entry, { readonly kind: "command" }>;

const listenFor = seconds(15);
const version = "0.0.0-world";

/** `machine` has no power. Answers why the site must not be recovered there; nothing speaks against it: it is, and may start. */
export async function recoverSite(
  world: World,
  machine: Machine,
  lost: readonly DeviceId[],
): Promise<readonly string[]> {
  const { device, card } = machine;
  const clock = new VirtualClock(world.time);
  const random = world.random.fork(`recovery ${world.time.now}`);
  const data = await card.disk.openDataDirectory();
  const { incarnation: before, was, session } = data.identity;
  const survivor = await openSurvivor({ clock, random, data }, device);
  const { position, members } = survivor;
  const links = world.network.device(`recovery of ${machine.name}`);
  const brokers = world.brokers.map(({ url }) => ({ url }));
  const seen = await lookAround({ clock, random, links }, { site: worldSite, self: device, brokers, listenFor });
  const { last, voters } = position;
  const plan = { self: device, generation: survivor.generation.number, last, voters, members, lost, isAlone: false };
  const objections = [...objectionsToNames(plan), ...objectionsOfOthers(plan, seen)];
  if (objections.length === 0) {
    const decision = { site: worldSite, version, lost };
    const { start, generation } = await beginGeneration({ clock, random, data }, survivor, decision);
    world.loseMember(machine, "agreement"); // what the old incarnation promised on is overwritten
    const self: Member = { device, incarnation: data.identity.incarnation };
    const join = { ...self, session, start: 0, was: [before, ...was], version };
    adopt(world, machine, survivor, { start, generation, lost, join });
  }
  await data.close();
  card.disk = card.disk.crash();
  return objections;
}

interface Begun {
  readonly start: LogStart;
  readonly generation: Generation;
  readonly lost: readonly DeviceId[];
  readonly join: JoinRequest;
}

/** Between what is known to be agreed and the rest stands the founding; after it the lost are removed, and the survivor joins. */
function adopt(world: World, machine: Machine, survivor: Survivor, { start, generation, lost, join }: Begun): void {
  const { parts, position } = survivor;
  const { state, checkpoints, initial } = parts;
  const behind = initial.entries.filter(
    (entry): entry is CommandEntry => entry.kind === "command" && entry.index > (checkpoints.current?.start.index ?? 0),
  );
  for (const entry of behind) if (entry.index <= position.committed) state.apply(entry);
  const life: WatchedLife = {
    number: -generation.number,
    machine: machine.name,
    card: machine.card.name,
    self: memberKey(join),
    generation: () => generation.number,
    replica: { state, appliedIndex: start.index, status: noReplica, usage: noReplica },
  };
  world.checkpost.tell("generationBegan", life, position.committed);
  const tell = (entry: CommandEntry, index: LogIndex = entry.index): void => {
    const applied = state.apply(entry);
    world.checkpost.tell("adopted", life, { ...entry, index }, placed(applied, { from: entry.index, to: index }));
  };
  const { siteTime } = position;
  const made = (command: Command): CommandEntry => {
    return { ...start, kind: "command", siteTime, command: encodeProposal({ client: undefined, command }) };
  };
  tell(made({ kind: "found", site: worldSite, generation }), justBehind(position.committed));
  for (const entry of behind) {
    // Cursors speak of items of the old generation.
    const isCursor = decodeProposal(entry.command)?.command.kind === "cursor";
    if (entry.index > position.committed && !isCursor) tell(entry);
  }
  for (const device of lost) if (state.members.has(device)) tell(made({ kind: "remove", device }));
  tell(made({ kind: "join", joins: [join] }));
  world.checkpost.tell("fellBack", registerKey, valueAt(initial.entries, state.revision));
}

/** What the change of the configuration says that is in force. */
function valueAt(entries: readonly Entry[], revision: LogIndex): string {
  const entry = entries.find(({ index }) => index === revision);
  const command = entry?.kind === "command" ? decodeProposal(entry.command)?.command : undefined;
  assert(command?.kind === "configure", "the survivor's log goes back to the configuration that is in force");
  return command.note;
}

/** In the books it has a place of its own, although no log has an entry there. */
const justBehind = (index: LogIndex): LogIndex => (index + 1 / 2) as LogIndex;

const placed = (applied: Applied, { from, to }: { readonly from: LogIndex; readonly to: LogIndex }): Applied => {
  const { outcome } = applied;
  return outcome.kind === "done" && outcome.index === from
    ? { ...applied, outcome: { kind: "done", index: to } }
    : applied;
};

const noReplica = (): never => {
  assert(false, "nobody asks what is being recovered");
};
