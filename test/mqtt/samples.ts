// Valid messages of every kind, with the corners that each can have.

import { memberKey } from "../../src/base/ids.ts";
import { logIndex, milliseconds, siteTime, term } from "../../src/base/units.ts";
import type { MessageKind, SiteMessage } from "../../src/mqtt/messages.ts";
import type { Entry, SnapshotName } from "../../src/raft/types.ts";
import type { Fold, PartialPart } from "../../src/readings/types.ts";
import { memberNamed } from "./site-of-devices.ts";

const [a, b, c] = ["a", "b", "c"].map((name) => memberKey(memberNamed(name)));
const voters = [a, b, c].filter((member) => member !== undefined);
const name: SnapshotName = {
  leader: memberKey(memberNamed("a")),
  index: logIndex(9_000),
  term: term(7),
  digest: "0123456789abcdef".repeat(2),
};
const time = siteTime(1_790_000_000_123.5);
const head = { term: term(7), siteTime: time };
const entries: readonly Entry[] = [
  { ...head, index: logIndex(11), kind: "noop" },
  { ...head, index: logIndex(12), kind: "command", command: Uint8Array.of(1, 2, 255) },
  { ...head, index: logIndex(13), kind: "voters", voters: { current: voters } },
  { ...head, index: logIndex(14), kind: "voters", voters: { current: voters, incoming: voters.slice(1) } },
  { ...head, index: logIndex(15), kind: "command", command: new Uint8Array(300).fill(7) },
];
const append = {
  kind: "append",
  term: term(7),
  beat: 2 ** 40,
  previousIndex: logIndex(10),
  previousTerm: term(6),
  commit: logIndex(9),
  siteTime: time,
} as const;

const fold: Fold = {
  count: 5,
  sum: -1.25,
  min: -20.5,
  max: 1e300,
  missing: 1,
  sketch: {
    zero: 1,
    positive: new Map([
      [-7, 1],
      [0, 2],
      [1_300, 4],
    ]),
    negative: new Map([[12, 1]]),
  },
};
const emptyFold: Fold = {
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  missing: 3,
  sketch: { zero: 0, positive: new Map(), negative: new Map() },
};
const parts: readonly PartialPart[] = [
  { key: { aggregation: "all", group: "temperature/zone-1", start: siteTime(1_790_000_000_000) }, fold },
  // As long as names may be: 8 levels of 64 characters.
  {
    key: { aggregation: "by-zone", group: Array(8).fill("z".repeat(64)).join("/"), start: siteTime(0) },
    fold: emptyFold,
  },
];
const session = "ab".repeat(16);

type SamplesOf<Kind extends MessageKind> = readonly [
  SiteMessage & { readonly kind: Kind },
  ...(SiteMessage & { readonly kind: Kind })[],
];

export const samples: { readonly [Kind in MessageKind]: SamplesOf<Kind> } = {
  "pre-vote-request": [
    { kind: "pre-vote-request", term: term(8), attempt: 4_000_000_000, lastIndex: logIndex(15), lastTerm: term(7) },
  ],
  "vote-request": [{ kind: "vote-request", term: term(8), attempt: 0, lastIndex: logIndex(0), lastTerm: term(0) }],
  "pre-vote-reply": [{ kind: "pre-vote-reply", term: term(8), attempt: 17, granted: true }],
  "vote-reply": [{ kind: "vote-reply", term: term(8), attempt: 17, granted: false }],
  append: [
    { ...append, entries },
    { ...append, siteTime: siteTime(0), entries: [] },
  ],
  "append-ack": [
    { kind: "append-ack", term: term(7), beat: 3, match: logIndex(15), idea: { time, isKept: true } },
    { kind: "append-ack", term: term(7), beat: 3, match: logIndex(15), idea: { time: siteTime(0), isKept: false } },
    { kind: "append-ack", term: term(7), beat: 3, match: logIndex(15) },
  ],
  gap: [{ kind: "gap", term: term(7), beat: 3, match: logIndex(4), lastIndex: logIndex(6), lastTerm: term(5) }],
  "snapshot-offer": [
    { kind: "snapshot-offer", term: term(7), name, bytes: 2 ** 33, voters: { current: voters } },
    { kind: "snapshot-offer", term: term(7), name, bytes: 0, voters: { current: voters, incoming: [] } },
  ],
  "snapshot-question": [{ kind: "snapshot-question", term: term(7), name, offset: 65_536 }],
  "snapshot-chunk": [
    { kind: "snapshot-chunk", term: term(7), name, offset: 0, data: new Uint8Array(500).fill(9), isLast: false },
    { kind: "snapshot-chunk", term: term(7), name, offset: 500, data: new Uint8Array(0), isLast: true },
  ],
  "transfer-request": [
    { kind: "transfer-request", term: term(7), beat: 2 ** 40, lastIndex: logIndex(15), lastTerm: term(6) },
  ],
  "read-question": [{ kind: "read-question", term: term(7), request: 12 }],
  "read-answer": [
    { kind: "read-answer", term: term(7), request: 12, index: logIndex(15) },
    { kind: "read-answer", term: term(7), request: 12, index: undefined },
  ],
  partial: [
    {
      kind: "partial",
      partial: {
        origin: memberKey(memberNamed("a")),
        session: 3,
        from: 100,
        to: 200,
        stored: 250,
        revision: logIndex(40),
        stampMax: time,
        parts,
        check: 0xffff_ffff,
      },
    },
  ],
  frozen: [
    {
      kind: "frozen",
      offer: {
        origin: memberKey(memberNamed("a")),
        session: 3,
        stored: 250,
        frozen: {
          from: 100,
          to: 200,
          stampMax: time,
          parts: parts.map((part) => ({ ...part, end: siteTime(part.key.start + 60_000) })),
          check: 0xffff_ffff,
        },
      },
    },
  ],
  join: [
    {
      kind: "join",
      request: { ...memberNamed("a"), session: 1, start: 7, was: [memberNamed("a", 2).incarnation], version: "0.1.0" },
      began: { term: term(3), lastIndex: logIndex(9), lastTerm: term(2) },
    },
    {
      kind: "join",
      request: { ...memberNamed("b"), session: 9, start: 0, was: [], version: "" },
      began: { term: term(0), lastIndex: logIndex(0), lastTerm: term(0) },
    },
  ],
  "join-refused": [{ kind: "join-refused", reason: "id-in-use", detail: "another a is running" }],
  copy: [{ kind: "copy", session: 4, start: 2 ** 47 }],
  propose: [{ kind: "propose", session, serial: 5, command: Uint8Array.of(0xa0) }],
  "proposal-answer": [
    { kind: "proposal-answer", session, serial: 5, outcome: { kind: "done", index: logIndex(16) } },
    { kind: "proposal-answer", session, serial: 5, outcome: { kind: "refused", reason: "site-full", detail: "1000" } },
    {
      kind: "proposal-answer",
      session,
      serial: 5,
      outcome: { kind: "not-leader", leader: memberKey(memberNamed("b")) },
    },
    { kind: "proposal-answer", session, serial: 5, outcome: { kind: "not-leader", leader: undefined } },
    { kind: "proposal-answer", session, serial: 5, outcome: { kind: "busy" } },
  ],
  "time-question": [
    { kind: "time-question", request: 2 ** 48, jump: logIndex(31), wall: milliseconds(-86_400_000) },
    { kind: "time-question", request: 0, jump: logIndex(0), wall: undefined },
  ],
  "time-answer": [{ kind: "time-answer", request: 2 ** 48, siteTime: time }],
  "api-question": [
    { kind: "api-question", id: 1, name: "config apply", argument: { file: "site.yaml", lines: [1, null, true, "x"] } },
    { kind: "api-question", id: 2, name: "status", argument: null },
  ],
  "api-answer": [
    {
      kind: "api-answer",
      id: 1,
      part: 0,
      isLast: false,
      result: { isOk: true, value: [{ a: 1.5 }, new Uint8Array(3)] },
    },
    { kind: "api-answer", id: 1, part: 1, isLast: true, result: { isOk: false, code: "refused", message: "stale" } },
  ],
  presence: [
    { kind: "presence", connection: 3, isHere: true },
    { kind: "presence", connection: 3, isHere: false },
  ],
};

export const allSamples: readonly SiteMessage[] = Object.values(samples).flat();
