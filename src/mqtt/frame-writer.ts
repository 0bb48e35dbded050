import type { Generation, Member } from "../base/ids.ts";
import type { Authenticator } from "./authenticator.ts";
import { encodeFrame } from "./frame.ts";
import { encodeMessage, messageKinds, type SiteMessage } from "./messages.ts";
import { halveAppend } from "./raft-codec.ts";

export interface WrittenFrame {
  readonly bytes: Uint8Array;
  readonly sequence: number;
}

export interface FrameWriterOptions {
  readonly self: Member;
  readonly session: number;
  readonly start: number;
  readonly generation: () => Generation | undefined;
  readonly authenticator: Authenticator;
}

/** Puts the messages of one session into frames, numbered in order. */
export class FrameWriter {
  readonly #options: FrameWriterOptions;
  #sequence = 0;

  constructor(options: FrameWriterOptions) {
    this.#options = options;
  }

  /** Nearly always one frame; an append of very many tiny commands takes several. None: the message fits no frame. */
  write(message: SiteMessage, to: Member | undefined): readonly WrittenFrame[] {
    const { self: from, session, start, generation, authenticator } = this.#options;
    const sequence = this.#sequence + 1;
    const { number: kind } = messageKinds[message.kind];
    const head = { kind, generation: generation(), from, to, session, start, sequence };
    const bytes = encodeFrame(head, encodeMessage(message), authenticator);
    if (bytes === undefined) {
      const halves = message.kind === "append" ? (halveAppend(message) ?? []) : [];
      return halves.flatMap((half) => this.write(half, to));
    }
    this.#sequence = sequence;
    return [{ bytes, sequence }];
  }
}
