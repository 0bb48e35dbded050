// Faults that must meet a moment: something is done right after a replica's core has taken a step of a certain kind.
//
// The step's effects are carried out before the hook acts: what the step sends has left the device, what it writes is on its way
// to the card, and nothing of it has arrived anywhere.

import type { MemberKey } from "../../src/base/ids.ts";
import type { RaftEffect, RaftEvent, RaftMessage } from "../../src/raft/types.ts";
import type { Checker, WatchedLife } from "./checker.ts";

export interface Step {
  readonly life: WatchedLife;
  readonly event: RaftEvent;
  readonly effects: readonly RaftEffect[];
}

export class StepHooks implements Checker {
  readonly name = "step-hooks";
  readonly #hooks = new Set<(step: Step) => void>();
  readonly #saidHooks = new Set<(machine: string, message: RaftMessage) => void>();
  readonly #soon: (task: () => void) => void;

  /** `soon`: as an event of its own, at this instant. */
  constructor(soon: (task: () => void) => void) {
    this.#soon = soon;
  }

  /** Acts once, right after the first step that `meets` recognizes. Gives back what ends the waiting for it. */
  once(meets: (step: Step) => boolean, act: (step: Step) => void): () => void {
    const hook = (step: Step): void => {
      if (!meets(step)) return;
      this.#hooks.delete(hook);
      this.#soon(() => act(step));
    };
    this.#hooks.add(hook);
    return () => void this.#hooks.delete(hook);
  }

  /** Acts once, right after a message of this kind has left a machine, which is named. Gives back what ends the waiting for it. */
  onceSaid(kind: RaftMessage["kind"], act: (machine: string) => void): () => void {
    const hook = (machine: string, message: RaftMessage): void => {
      if (message.kind !== kind) return;
      this.#saidHooks.delete(hook);
      this.#soon(() => act(machine));
    };
    this.#saidHooks.add(hook);
    return () => void this.#saidHooks.delete(hook);
  }

  said(_from: MemberKey, machine: string, message: RaftMessage): void {
    if (this.#saidHooks.size === 0) return;
    for (const hook of [...this.#saidHooks]) hook(machine, message);
  }

  stepped(life: WatchedLife, event: RaftEvent, effects: readonly RaftEffect[]): void {
    if (this.#hooks.size === 0) return;
    for (const hook of [...this.#hooks]) hook({ life, event, effects });
  }
}

/** It sends a message of this kind. */
export const sends =
  (kind: string) =>
  ({ effects }: Step): boolean =>
    effects.some((effect) => effect.kind === "send" && effect.message.kind === kind);
