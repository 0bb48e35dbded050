// The simplest replicated state: the digest of everything applied, in order. Two members agree exactly if it is equal.

import { crc32 } from "../../../src/base/hash.ts";
import { type LogIndex, logIndex } from "../../../src/base/units.ts";
import type { Entry } from "../../../src/raft/types.ts";

const noBytes = new Uint8Array(0);

/** What an entry says, apart from where it stands. */
export function contentOf(entry: Entry): number {
  const head = `${entry.kind}:${entry.siteTime}:${entry.kind === "voters" ? JSON.stringify(entry.voters) : ""}`;
  return crc32(entry.kind === "command" ? entry.command : noBytes, crc32(Buffer.from(head)));
}

export class StateMachine {
  index: LogIndex = logIndex(0);
  #digest = 0;

  get digest(): string {
    return this.#digest.toString(16).padStart(32, "0");
  }

  apply(entry: Entry): void {
    if (entry.index !== this.index + 1) throw new Error(`applied ${entry.index} after ${this.index}`);
    this.index = entry.index;
    this.#digest = crc32(Buffer.from(`${entry.index}:${entry.term}:${contentOf(entry)}`), this.#digest);
  }

  /** Some hundred bytes, so that a snapshot takes several chunks. */
  save(): Uint8Array {
    return Buffer.from(`${this.index} ${this.digest} ${"x".repeat(100 + (this.index % 200))}`);
  }

  load(content: Uint8Array): void {
    const [index, digest] = Buffer.from(content).toString().split(" ");
    this.index = logIndex(Number(index));
    this.#digest = Number.parseInt(digest ?? "", 16);
  }
}
