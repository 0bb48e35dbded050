// Site time is told as a message leaves: one that waited for a slow disk would tell what it was when the wait began.

import type { Term } from "../base/units.ts";
import type { RaftMessage } from "../raft/types.ts";
import type { SiteClock } from "./site-time.ts";

export function withTime(message: RaftMessage, siteClock: SiteClock): RaftMessage {
  if (message.kind === "append") return { ...message, siteTime: siteClock.announced() };
  if (message.kind === "append-ack") return { ...message, idea: siteClock.idea() };
  return message;
}

/** Which of a coordinator's appends tell the time: those newer than all before. A thawed broker delivers many old ones at once. */
export class NewestBeat {
  #term: Term | undefined;
  #beat = 0;

  isNext({ term, beat }: Extract<RaftMessage, { readonly kind: "append" }>): boolean {
    if (term === this.#term && beat <= this.#beat) return false;
    this.#term = term;
    this.#beat = beat;
    return true;
  }
}
