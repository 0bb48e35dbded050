// The bodies of joining, forwarded proposals, presence and the API.

import { isDeviceId, isIncarnation, isMemberKey, type MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields, isPlain } from "../base/shape.ts";
import { type LogIndex, logIndex, type Term, term } from "../base/units.ts";
import { isRefusalReason } from "../site/refusals.ts";
import type { JoinRequest, Outcome, RefusalReason } from "../site/types.ts";
import type { Codec } from "./codec.ts";

const reasonLengthMax = 64;
const detailLengthMax = 2_048;

export interface JoinMessage {
  readonly kind: "join";
  readonly request: JoinRequest;
  readonly began: Began;
}

/** What the card held when this session began: a coordinator that was promised more knows that the card went back. */
export interface Began {
  readonly term: Term;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
}

/** To another run under the own name: "I live, and have heard you", with the session and start that were heard. */
export interface CopyMessage {
  readonly kind: "copy";
  readonly session: number;
  readonly start: number;
}

/** Beside the log's reasons: another run of the device is heard; its card holds less than it has promised. */
type CoordinatorReason = "id-in-use" | "went-back";

/** Why a member table does not take a device; the log refuses, or a coordinator before it. */
export interface JoinRefusedMessage {
  readonly kind: "join-refused";
  readonly reason: RefusalReason | CoordinatorReason;
  readonly detail: string;
}

/** A proposal forwarded to the coordinator. */
export interface ProposeMessage {
  readonly kind: "propose";
  /** 32 hex digits. */
  readonly session: string;
  readonly serial: number;
  readonly command: Uint8Array;
}

export type ProposalOutcome =
  | Outcome
  | { readonly kind: "not-leader"; readonly leader: MemberKey | undefined }
  | { readonly kind: "busy" };

export interface ProposalAnswerMessage {
  readonly kind: "proposal-answer";
  readonly session: string;
  readonly serial: number;
  readonly outcome: ProposalOutcome;
}

/** A question of the CLI or of a program to one device. */
export interface ApiQuestionMessage {
  readonly kind: "api-question";
  /** Of the client's choosing; comes back in the answer. */
  readonly id: number;
  readonly name: string;
  /** Plain data, at most `limits.apiArgumentDepth` levels. */
  readonly argument: unknown;
}

export type ApiResult =
  | { readonly isOk: true; readonly value: unknown }
  | { readonly isOk: false; readonly code: string; readonly message: string };

/** One of the parts of an answer, numbered 0, 1, 2 … */
export interface ApiAnswerMessage {
  readonly kind: "api-answer";
  readonly id: number;
  readonly part: number;
  readonly isLast: boolean;
  readonly result: ApiResult;
}

export interface PresenceMessage {
  readonly kind: "presence";
  /** Counts this session's connections to this broker: a late will of an earlier one is known by it. */
  readonly connection: number;
  /** False in the last will, and after a clean stop. */
  readonly isHere: boolean;
}

const sessionPattern = /^[0-9a-f]{32}$/;
const isClientSession = (item: unknown): item is string => typeof item === "string" && sessionPattern.test(item);

const isReason = (item: unknown): item is JoinRefusedMessage["reason"] =>
  item === "id-in-use" || item === "went-back" || isRefusalReason(item);

/** People read it, so it is cut rather than refused. */
const detailOf = (text: string): string => text.slice(0, detailLengthMax);

export const joinCodec: Codec<JoinMessage> = {
  encode: ({ request, began }) => [
    ...[request.device, request.incarnation, request.session, request.start, request.was, request.version],
    ...[began.term, began.lastIndex, began.lastTerm],
  ],
  decode: (body) => {
    const fields = new Fields(body, 9);
    return fields.finish({
      kind: "join",
      request: {
        device: fields.matching(isDeviceId),
        incarnation: fields.matching(isIncarnation),
        session: fields.count(),
        start: fields.count(),
        was: fields.list(limits.incarnationsInherited, (item) => (isIncarnation(item) ? item : undefined)),
        version: fields.text(64),
      },
      began: { term: term(fields.count()), lastIndex: logIndex(fields.count()), lastTerm: term(fields.count()) },
    });
  },
};

export const copyCodec: Codec<CopyMessage> = {
  encode: ({ session, start }) => [session, start],
  decode: (body) => {
    const fields = new Fields(body, 2);
    return fields.finish({ kind: "copy", session: fields.count(), start: fields.count() });
  },
};

export const joinRefusedCodec: Codec<JoinRefusedMessage> = {
  encode: ({ reason, detail }) => [reason, detailOf(detail)],
  decode: (body) => {
    const fields = new Fields(body, 2);
    return fields.finish({
      kind: "join-refused",
      reason: fields.matching(isReason),
      detail: fields.text(detailLengthMax),
    });
  },
};

export const proposeCodec: Codec<ProposeMessage> = {
  encode: ({ session, serial, command }) => [session, serial, command],
  decode: (body) => {
    const fields = new Fields(body, 3);
    return fields.finish({
      kind: "propose",
      session: fields.matching(isClientSession),
      serial: fields.count(),
      command: fields.bytes(limits.commandBytes),
    });
  },
};

function encodeOutcome(outcome: ProposalOutcome): unknown {
  switch (outcome.kind) {
    case "done":
      return ["done", outcome.index];
    case "refused":
      return ["refused", outcome.reason, detailOf(outcome.detail)];
    case "not-leader":
      return ["not-leader", outcome.leader ?? null];
    case "busy":
      return ["busy"];
  }
}

function decodeOutcome(item: unknown): ProposalOutcome | undefined {
  const fields = new Fields(item);
  switch (fields.unknown()) {
    case "done":
      return fields.finish({ kind: "done", index: logIndex(fields.count()) });
    case "refused":
      return fields.finish({
        kind: "refused",
        reason: fields.matching(isRefusalReason),
        detail: fields.text(detailLengthMax),
      });
    case "not-leader":
      return fields.finish({ kind: "not-leader", leader: fields.optional((each) => each.matching(isMemberKey)) });
    case "busy":
      return fields.finish({ kind: "busy" });
    default:
      return undefined;
  }
}

export const proposalAnswerCodec: Codec<ProposalAnswerMessage> = {
  encode: ({ session, serial, outcome }) => [session, serial, encodeOutcome(outcome)],
  decode: (body) => {
    const fields = new Fields(body, 3);
    return fields.finish({
      kind: "proposal-answer",
      session: fields.matching(isClientSession),
      serial: fields.count(),
      outcome: fields.decoded(decodeOutcome),
    });
  },
};

export const apiQuestionCodec: Codec<ApiQuestionMessage> = {
  encode: ({ id, name, argument }) => [id, name, argument ?? null],
  decode: (body) => {
    const fields = new Fields(body, 3);
    const question = { kind: "api-question", id: fields.count(), name: fields.text(64) } as const;
    const argument = fields.unknown();
    fields.require(isPlain(argument, limits.apiArgumentDepth));
    return fields.finish({ ...question, argument });
  },
};

export const apiAnswerCodec: Codec<ApiAnswerMessage> = {
  encode: ({ id, part, isLast, result }) =>
    result.isOk
      ? [id, part, isLast, true, result.value ?? null]
      : [id, part, isLast, false, result.code.slice(0, reasonLengthMax), detailOf(result.message)],
  decode: (body) => {
    const fields = new Fields(body);
    const head = { kind: "api-answer", id: fields.count(), part: fields.count(), isLast: fields.flag() } as const;
    if (!fields.flag()) {
      const [code, message] = [fields.text(reasonLengthMax), fields.text(detailLengthMax)];
      return fields.finish({ ...head, result: { isOk: false, code, message } });
    }
    const value = fields.unknown();
    fields.require(isPlain(value, limits.apiArgumentDepth));
    return fields.finish({ ...head, result: { isOk: true, value } });
  },
};

export const presenceCodec: Codec<PresenceMessage> = {
  encode: ({ connection, isHere }) => [connection, isHere],
  decode: (body) => {
    const fields = new Fields(body, 2);
    return fields.finish({ kind: "presence", connection: fields.count(), isHere: fields.flag() });
  },
};
