// The bodies of Raft's messages: arrays in the order of the contract (raft/types.ts).
//
// An append is the hot path, so its entries lie flat in one array, four items each: term, site time, kind, data. An
// entry's index is the previous index plus its place, and is not sent.

import { isMemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { logIndex, offset, siteTime, term } from "../base/units.ts";
import type { Entry, RaftMessage, SnapshotName, TimeIdea, Voters } from "../raft/types.ts";
import type { Codec, OfKind } from "./codec.ts";

type RaftKind = RaftMessage["kind"];
type MessageOf<Kind extends RaftKind> = OfKind<RaftMessage, Kind>;

const entryKinds = { noop: 0, command: 1, voters: 2 } as const;
const digestPattern = /^[0-9a-f]{32}$/;
const isDigest = (item: unknown): item is string => typeof item === "string" && digestPattern.test(item);
const decodeMember = (item: unknown) => (isMemberKey(item) ? item : undefined);

function encodeVoters(voters: Voters): unknown {
  return voters.incoming === undefined ? [voters.current] : [voters.current, voters.incoming];
}

function decodeVoters(item: unknown): Voters | undefined {
  const fields = new Fields(item);
  const current = fields.list(limits.voters, decodeMember);
  if (fields.isAtEnd) return fields.finish({ current });
  return fields.finish({ current, incoming: fields.list(limits.voters, decodeMember) });
}

const encodeName = (name: SnapshotName): unknown => [name.leader, name.index, name.term, name.digest];

function decodeName(item: unknown): SnapshotName | undefined {
  const fields = new Fields(item, 4);
  return fields.finish({
    leader: fields.matching(isMemberKey),
    index: logIndex(fields.count()),
    term: term(fields.count()),
    digest: fields.matching(isDigest),
  });
}

const encodeIdea = (idea: TimeIdea | undefined): unknown => (idea === undefined ? null : [idea.time, idea.isKept]);

function decodeIdea(item: unknown): TimeIdea | undefined {
  const fields = new Fields(item, 2);
  return fields.finish({ time: siteTime(fields.time()), isKept: fields.flag() });
}

function encodeEntries(entries: readonly Entry[]): unknown[] {
  const items: unknown[] = [];
  for (const entry of entries) {
    const data = entry.kind === "command" ? entry.command : entry.kind === "voters" ? encodeVoters(entry.voters) : null;
    items.push(entry.term, entry.siteTime, entryKinds[entry.kind], data);
  }
  return items;
}

function decodeEntries(item: unknown, previousIndex: number): Entry[] | undefined {
  const fields = new Fields(item);
  if (fields.length > 4 * limits.appendEntries) return undefined;
  const entries: Entry[] = [];
  while (!fields.isAtEnd && fields.failedAt === undefined) {
    const index = logIndex(previousIndex + entries.length + 1);
    const entryTerm = term(fields.count());
    const time = siteTime(fields.time());
    const kind = fields.count(2);
    if (kind === entryKinds.command) {
      const command = fields.bytes(limits.commandBytes);
      entries.push({ index, term: entryTerm, siteTime: time, kind: "command", command });
    } else if (kind === entryKinds.voters) {
      const voters = fields.decoded(decodeVoters);
      entries.push({ index, term: entryTerm, siteTime: time, kind: "voters", voters });
    } else {
      fields.require(fields.unknown() === null);
      entries.push({ index, term: entryTerm, siteTime: time, kind: "noop" });
    }
  }
  return fields.finish(entries);
}

/** Requests of both kinds have one shape, and so have their replies. */
function requestCodec<Kind extends "pre-vote-request" | "vote-request">(kind: Kind) {
  return {
    encode: (message: Omit<MessageOf<"vote-request">, "kind">): unknown => [
      message.term,
      message.attempt,
      message.lastIndex,
      message.lastTerm,
    ],
    decode: (body: unknown) => {
      const fields = new Fields(body, 4);
      return fields.finish({
        kind,
        term: term(fields.count()),
        attempt: fields.count(),
        lastIndex: logIndex(fields.count()),
        lastTerm: term(fields.count()),
      });
    },
  };
}

function replyCodec<Kind extends "pre-vote-reply" | "vote-reply">(kind: Kind) {
  return {
    encode: (message: Omit<MessageOf<"vote-reply">, "kind">): unknown => [
      message.term,
      message.attempt,
      message.granted,
    ],
    decode: (body: unknown) => {
      const fields = new Fields(body, 3);
      return fields.finish({ kind, term: term(fields.count()), attempt: fields.count(), granted: fields.flag() });
    },
  };
}

const append: Codec<MessageOf<"append">> = {
  encode: (message) => [
    message.term,
    message.beat,
    message.previousIndex,
    message.previousTerm,
    message.commit,
    message.siteTime,
    encodeEntries(message.entries),
  ],
  decode: (body) => {
    const fields = new Fields(body, 7);
    const head = {
      kind: "append",
      term: term(fields.count()),
      beat: fields.count(),
      previousIndex: logIndex(fields.count()),
      previousTerm: term(fields.count()),
      commit: logIndex(fields.count()),
      siteTime: siteTime(fields.time()),
    } as const;
    return fields.finish({ ...head, entries: fields.decoded((item) => decodeEntries(item, head.previousIndex)) });
  },
};

/** The same append in two: for when many tiny commands do not fit one frame. Undefined when it cannot be divided. */
export function halveAppend(message: MessageOf<"append">): readonly MessageOf<"append">[] | undefined {
  const middle = message.entries.length >> 1;
  const last = message.entries[middle - 1];
  if (last === undefined) return undefined;
  return [
    { ...message, entries: message.entries.slice(0, middle) },
    {
      ...message,
      previousIndex: offset(message.previousIndex, middle),
      previousTerm: last.term,
      entries: message.entries.slice(middle),
    },
  ];
}

export const raftCodecs: { readonly [Kind in RaftKind]: Codec<MessageOf<Kind>> } = {
  "pre-vote-request": requestCodec("pre-vote-request"),
  "vote-request": requestCodec("vote-request"),
  "pre-vote-reply": replyCodec("pre-vote-reply"),
  "vote-reply": replyCodec("vote-reply"),
  append,
  "append-ack": {
    encode: ({ idea, ...message }) => [message.term, message.beat, message.match, encodeIdea(idea)],
    decode: (body) => {
      const fields = new Fields(body, 4);
      const message = {
        kind: "append-ack",
        term: term(fields.count()),
        beat: fields.count(),
        match: logIndex(fields.count()),
      } as const;
      const idea = fields.optional((item) => item.decoded(decodeIdea));
      return fields.finish(idea === undefined ? message : { ...message, idea });
    },
  },
  gap: {
    encode: (message) => [message.term, message.beat, message.match, message.lastIndex, message.lastTerm],
    decode: (body) => {
      const fields = new Fields(body, 5);
      return fields.finish({
        kind: "gap",
        term: term(fields.count()),
        beat: fields.count(),
        match: logIndex(fields.count()),
        lastIndex: logIndex(fields.count()),
        lastTerm: term(fields.count()),
      });
    },
  },
  "snapshot-offer": {
    encode: (message) => [message.term, encodeName(message.name), message.bytes, encodeVoters(message.voters)],
    decode: (body) => {
      const fields = new Fields(body, 4);
      return fields.finish({
        kind: "snapshot-offer",
        term: term(fields.count()),
        name: fields.decoded(decodeName),
        bytes: fields.count(),
        voters: fields.decoded(decodeVoters),
      });
    },
  },
  "snapshot-question": {
    encode: (message) => [message.term, encodeName(message.name), message.offset],
    decode: (body) => {
      const fields = new Fields(body, 3);
      return fields.finish({
        kind: "snapshot-question",
        term: term(fields.count()),
        name: fields.decoded(decodeName),
        offset: fields.count(),
      });
    },
  },
  "snapshot-chunk": {
    encode: (message) => [message.term, encodeName(message.name), message.offset, message.data, message.isLast],
    decode: (body) => {
      const fields = new Fields(body, 5);
      return fields.finish({
        kind: "snapshot-chunk",
        term: term(fields.count()),
        name: fields.decoded(decodeName),
        offset: fields.count(),
        data: fields.bytes(limits.snapshotChunkBytes),
        isLast: fields.flag(),
      });
    },
  },
  "transfer-request": {
    encode: (message) => [message.term, message.beat, message.lastIndex, message.lastTerm],
    decode: (body) => {
      const fields = new Fields(body, 4);
      return fields.finish({
        kind: "transfer-request",
        term: term(fields.count()),
        beat: fields.count(),
        lastIndex: logIndex(fields.count()),
        lastTerm: term(fields.count()),
      });
    },
  },
  "read-question": {
    encode: (message) => [message.term, message.request],
    decode: (body) => {
      const fields = new Fields(body, 2);
      return fields.finish({ kind: "read-question", term: term(fields.count()), request: fields.count() });
    },
  },
  "read-answer": {
    encode: (message) => [message.term, message.request, message.index ?? null],
    decode: (body) => {
      const fields = new Fields(body, 3);
      return fields.finish({
        kind: "read-answer",
        term: term(fields.count()),
        request: fields.count(),
        index: fields.optional((item) => logIndex(item.count())),
      });
    },
  },
};
