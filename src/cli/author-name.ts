// In whose name a command asks: kept with what it changes.

import { userInfo } from "node:os";

/** A user without a name (a container's number) is no reason not to go on. */
export function authorName(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}
