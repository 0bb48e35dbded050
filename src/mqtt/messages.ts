// Everything that a frame can carry: one table of kinds, with the number each has on the wire, where it may be said, and
// how its body is written.

import { encode, tryDecode } from "../base/cbor.ts";
import type { RaftMessage } from "../raft/types.ts";
import type { Codec, OfKind } from "./codec.ts";
import { type FrozenMessage, frozenCodec, type PartialMessage, partialCodec } from "./partial-codec.ts";
import { raftCodecs } from "./raft-codec.ts";
import {
  type ApiAnswerMessage,
  type ApiQuestionMessage,
  apiAnswerCodec,
  apiQuestionCodec,
  type CopyMessage,
  copyCodec,
  type JoinMessage,
  type JoinRefusedMessage,
  joinCodec,
  joinRefusedCodec,
  type PresenceMessage,
  type ProposalAnswerMessage,
  type ProposeMessage,
  presenceCodec,
  proposalAnswerCodec,
  proposeCodec,
} from "./site-codec.ts";

import { type TimeAnswerMessage, type TimeQuestionMessage, timeAnswerCodec, timeQuestionCodec } from "./time-codec.ts";

/** What members and clients say besides. */
export type OtherMessage =
  | PartialMessage
  | FrozenMessage
  | JoinMessage
  | JoinRefusedMessage
  | CopyMessage
  | ProposeMessage
  | ProposalAnswerMessage
  | TimeQuestionMessage
  | TimeAnswerMessage
  | ApiQuestionMessage
  | ApiAnswerMessage
  | PresenceMessage;

export type SiteMessage = RaftMessage | OtherMessage;

export type MessageKind = SiteMessage["kind"];
type MessageOf<Kind extends MessageKind> = OfKind<SiteMessage, Kind>;

/** Which topics a kind may be said on: `raft` on `log/` and `to/`, the others on theirs. */
export type Channel = "raft" | "data" | "ask" | "answer" | "presence";

interface KindRow<Message> {
  /** On the wire, for ever. */
  readonly number: number;
  readonly channel: Channel;
  /** Said between members of one generation only. */
  readonly needsGeneration: boolean;
  readonly codec: Codec<Message>;
}

const member = (number: number, channel: Channel) => ({ number, channel, needsGeneration: true });
const anyone = (number: number, channel: Channel) => ({ number, channel, needsGeneration: false });

export const messageKinds: { readonly [Kind in MessageKind]: KindRow<MessageOf<Kind>> } = {
  "pre-vote-request": { ...member(1, "raft"), codec: raftCodecs["pre-vote-request"] },
  "vote-request": { ...member(2, "raft"), codec: raftCodecs["vote-request"] },
  "pre-vote-reply": { ...member(3, "raft"), codec: raftCodecs["pre-vote-reply"] },
  "vote-reply": { ...member(4, "raft"), codec: raftCodecs["vote-reply"] },
  append: { ...member(5, "raft"), codec: raftCodecs.append },
  "append-ack": { ...member(6, "raft"), codec: raftCodecs["append-ack"] },
  gap: { ...member(7, "raft"), codec: raftCodecs.gap },
  "snapshot-offer": { ...member(8, "raft"), codec: raftCodecs["snapshot-offer"] },
  "snapshot-question": { ...member(9, "raft"), codec: raftCodecs["snapshot-question"] },
  "snapshot-chunk": { ...member(10, "data"), codec: raftCodecs["snapshot-chunk"] },
  "read-question": { ...member(11, "raft"), codec: raftCodecs["read-question"] },
  "read-answer": { ...member(12, "raft"), codec: raftCodecs["read-answer"] },
  "transfer-request": { ...member(13, "raft"), codec: raftCodecs["transfer-request"] },
  partial: { ...member(20, "data"), codec: partialCodec },
  frozen: { ...member(26, "data"), codec: frozenCodec },
  join: { ...member(21, "data"), codec: joinCodec },
  "join-refused": { ...member(22, "data"), codec: joinRefusedCodec },
  copy: { ...member(25, "data"), codec: copyCodec },
  propose: { ...member(23, "data"), codec: proposeCodec },
  "proposal-answer": { ...member(24, "data"), codec: proposalAnswerCodec },
  "time-question": { ...member(27, "raft"), codec: timeQuestionCodec },
  "time-answer": { ...member(28, "raft"), codec: timeAnswerCodec },
  "api-question": { ...anyone(30, "ask"), codec: apiQuestionCodec },
  "api-answer": { ...anyone(31, "answer"), codec: apiAnswerCodec },
  presence: { ...anyone(40, "presence"), codec: presenceCodec },
};

const kindByNumber: readonly (MessageKind | undefined)[] = (() => {
  const kinds: (MessageKind | undefined)[] = [];
  for (const kind of Object.keys(messageKinds) as MessageKind[]) kinds[messageKinds[kind].number] = kind;
  return kinds;
})();

/** The kind with this number on the wire. */
export const messageKind = (number: number): MessageKind | undefined => kindByNumber[number];

export const isRaftMessage = (message: SiteMessage): message is RaftMessage => Object.hasOwn(raftCodecs, message.kind);

/** Asks for votes, gives them, or hands an office over. */
export const isElection = ({ kind }: RaftMessage): boolean => kind.includes("vote") || kind === "transfer-request";

export function encodeMessage(message: SiteMessage): Uint8Array {
  const { codec } = messageKinds[message.kind] as KindRow<SiteMessage>;
  return encode(codec.encode(message));
}

/**
 * Undefined for a body that is none of this kind. The body is copied once, so that what is kept of a message (commands in
 * the log) never holds the buffer of the socket that it arrived in.
 */
export function decodeMessage(kind: MessageKind, body: Uint8Array): SiteMessage | undefined {
  const { codec } = messageKinds[kind] as KindRow<SiteMessage>;
  const data = tryDecode(new Uint8Array(body));
  return data.kind === "value" ? codec.decode(data.value) : undefined;
}
