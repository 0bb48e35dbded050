// The bodies of a question for site time and its answer. They go where Raft's messages go: behind bulk data in a socket the
// round trip would measure the bulk.

import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { type Duration, type LogIndex, logIndex, milliseconds, type SiteTime, siteTime } from "../base/units.ts";
import type { Codec } from "./codec.ts";

/** Of a device to its coordinator. */
export interface TimeQuestionMessage {
  readonly kind: "time-question";
  /** Comes back in the answer; drawn at random in each life, so that an answer to an earlier one is none. */
  readonly request: number;
  /** The entry of the newest jump that the sender has applied, 0 before the first: `wall` is compared with the time since. */
  readonly jump: LogIndex;
  /** How far its wall clock is ahead of site time; undefined: its system does not say that a source disciplines it. */
  readonly wall: Duration | undefined;
}

export interface TimeAnswerMessage {
  readonly kind: "time-answer";
  readonly request: number;
  readonly siteTime: SiteTime;
}

export const timeQuestionCodec: Codec<TimeQuestionMessage> = {
  encode: ({ request, jump, wall }) => [request, jump, wall ?? null],
  decode: (body) => {
    const fields = new Fields(body, 3);
    const message = { kind: "time-question", request: fields.count(), jump: logIndex(fields.count()) } as const;
    const wall = fields.optional((item) => milliseconds(item.integer()));
    fields.require(wall === undefined || Math.abs(wall) <= limits.siteTimeMax);
    return fields.finish({ ...message, wall });
  },
};

export const timeAnswerCodec: Codec<TimeAnswerMessage> = {
  encode: (message) => [message.request, message.siteTime],
  decode: (body) => {
    const fields = new Fields(body, 2);
    return fields.finish({ kind: "time-answer", request: fields.count(), siteTime: siteTime(fields.time()) });
  },
};
