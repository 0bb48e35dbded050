// Site time is told as a message leaves: one that waited for a slow disk would tell what it was when the wait began.

import type { RaftMessage } from "../raft/types.ts";
import type { SiteClock } from "./site-time.ts";

export function withTime(message: RaftMessage, siteClock: SiteClock): RaftMessage {
  if (message.kind === "append") return { ...message, siteTime: siteClock.announced() };
  if (message.kind === "append-ack") return { ...message, idea: siteClock.idea() };
  return message;
}
