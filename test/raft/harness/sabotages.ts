// Broken members, each in one way that happened to somebody (RAFT-CASES). The harness must catch each of them.
//
// Nothing in src knows of this: what a member is told, says or finds on its disk is altered on the way.

import type { MemberKey } from "../../../src/base/ids.ts";
import { logIndex } from "../../../src/base/units.ts";
import type { RaftEffect } from "../../../src/raft/types.ts";
import type { Input } from "../kit.ts";
import type { Checkers } from "./checkers.ts";
import { contended, frozen } from "./plans.ts";
import type { Sabotage, SimulatedMember } from "./simulated-member.ts";
import type { Plan } from "./world.ts";

type SendEffect = Extract<RaftEffect, { readonly kind: "send" }>;

const sends = (alter: (effect: SendEffect, member: SimulatedMember) => RaftEffect | undefined): Sabotage => ({
  effect: (effect, member) => (effect.kind === "send" ? alter(effect, member) : effect),
});

function withoutToken(effect: SendEffect): SendEffect {
  const { after: _, ...rest } = effect;
  return rest;
}

/** Every acknowledgement counts as one of the newest beat: check-quorum by arrival time, and reads confirmed by old answers. */
function answersTheNewestBeat(): Sabotage {
  const newest = new Map<MemberKey, number>();
  return {
    effect: (effect, member) => {
      if (effect.kind === "send" && effect.message.kind === "append") newest.set(member.key, effect.message.beat);
      return effect;
    },
    event: (event, member) => {
      if (event.kind !== "received" || event.message.kind !== "append-ack") return event;
      return { ...event, message: { ...event.message, beat: newest.get(member.key) ?? 0 } };
    },
  };
}

/** An append fits whatever stands before it. */
function believesWhatComesBefore(event: Input, member: SimulatedMember, checkers: Checkers): Input {
  if (event.kind !== "received" || event.message.kind !== "append") return event;
  const own = checkers.logTermAt(member.key, event.message.previousIndex);
  return own === undefined ? event : { ...event, message: { ...event.message, previousTerm: own } };
}

type Broken = (checkers: () => Checkers) => Sabotage;

/** Where a bug shows only in rare moments: a site in which they are frequent. */
export const whereItShows: Readonly<Record<string, Partial<Plan>>> = {
  "forgets its vote when it restarts (paper §5.2)": contended,
  "counts answers by when they arrive (case 44)": frozen,
};

export const sabotages: Readonly<Record<string, Broken>> = {
  "sends promises before they are on disk (case 43)": () => sends(withoutToken),
  "acknowledges before it is on disk (case 9)": () =>
    sends((effect) => (effect.message.kind === "append-ack" ? withoutToken(effect) : effect)),
  "acknowledges its last index (case 27)": () =>
    sends((effect, member) => {
      if (effect.message.kind !== "append-ack") return effect;
      return { ...effect, message: { ...effect.message, match: member.status()?.last ?? logIndex(0) } };
    }),
  "grants every vote (paper §5.4.1)": () =>
    sends((effect) =>
      effect.message.kind === "vote-reply" ? { ...effect, message: { ...effect.message, granted: true } } : effect,
    ),
  "never asks for what it missed (case 32)": () =>
    sends((effect) => (effect.message.kind === "gap" ? undefined : effect)),
  "never asks for a snapshot's next chunk (case 16)": () =>
    sends((effect) => (effect.message.kind === "snapshot-question" ? undefined : effect)),
  "never takes over when it is asked to (case 22)": () =>
    sends((effect) => (effect.message.kind === "transfer-request" ? undefined : effect)),
  "forgets its vote when it restarts (paper §5.2)": () => ({ recovering: (disk) => disk.lose("vote") }),
  "forgets synced entries when it restarts (paper §5.1)": () => ({ recovering: (disk) => disk.lose("last entries") }),
  "comes back wiped under its name (case 11)": () => ({
    recovering: (disk) => {
      if (disk.durableLast % 7 === 3) disk.lose("everything");
    },
  }),
  "has a disk that says synced too early (case 14)": () => ({ isDiskLying: true }),
  "takes appends that do not fit (paper §5.3)": (checkers) => ({
    event: (event, member) => believesWhatComesBefore(event, member, checkers()),
  }),
  "counts answers by when they arrive (case 44)": answersTheNewestBeat,
  "answers reads from its own commit index (paper §8)": () => ({
    effect: (effect, member) => {
      if (effect.kind !== "read-refused") return effect;
      return { kind: "read-ready", context: effect.context, index: member.machine.index };
    },
  }),
  "keeps what a later leader replaced (case 29)": () => ({
    effect: (effect) => {
      if (effect.kind !== "persist" || effect.truncateAfter === undefined) return effect;
      const { truncateAfter: _, ...rest } = effect;
      return rest;
    },
  }),
  "hands to the state machine what is not committed (case 35)": () => ({
    event: (event) => {
      if (event.kind !== "received" || event.message.kind !== "append") return event;
      const { entries, previousIndex } = event.message;
      return { ...event, message: { ...event.message, commit: logIndex(previousIndex + entries.length) } };
    },
  }),
};
