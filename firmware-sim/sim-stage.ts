// Where a run shows itself, and from where it is told what to do: a terminal with a live view and keys, or plain lines.

import { atProcessExit } from "../src/cli/terminal/exit-hooks.ts";
import { Screen } from "../src/cli/terminal/screen.ts";
import { hasColor, style } from "../src/cli/terminal/style.ts";
import type { FaultKind } from "./faults.ts";
import type { LiveState } from "./live-state.ts";
import { renderLive } from "./live-view.ts";
import { PlainView } from "./plain-view.ts";

export type KeyPress = FaultKind | "toggle-broker" | "end";

export interface SimStage {
  /** Before and after the live view: whole lines. */
  print(line: string): void;
  /** Called a few times a second. */
  show(state: LiveState, eventCount: number): void;
  /** The last words follow: the view is put away. */
  curtain(): void;
  /** The run is asked to end now; what a person asks for by key comes through `ask`. */
  readonly abort: AbortSignal;
  /** Registers who answers keys. */
  onKey(asked: (what: KeyPress) => void): void;
}

const keyPresses: ReadonlyMap<string, KeyPress> = new Map([
  ["k", "kill-coordinator"],
  ["d", "kill"],
  ["r", "restart"],
  ["b", "toggle-broker"],
  ["q", "end"],
]);

/** The stage on this process's terminal. `isPlain`: lines even where there is a terminal. */
export function openStage(isPlain: boolean): SimStage & { readonly exitSignal: () => NodeJS.Signals | undefined } {
  const aborting = new AbortController();
  let exitSignal: NodeJS.Signals | undefined;
  const ask = (signal: NodeJS.Signals): void => {
    exitSignal = signal;
    aborting.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => ask(signal));
  const { TERM } = process.env;
  const isTerminal = process.stdout.isTTY && TERM !== "dumb" && !isPlain;
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const common = { abort: aborting.signal, exitSignal: () => exitSignal };
  if (!isTerminal) {
    const view = new PlainView(print);
    const show = (state: LiveState, eventCount: number): void => view.show(state, eventCount);
    return { ...common, print, show, curtain: () => undefined, onKey: () => undefined };
  }
  const paint = style(hasColor(process.env, true));
  let asked: ((what: KeyPress) => void) | undefined;
  let isEnding = false;
  const key = (name: string): void => {
    const press = keyPresses.get(name);
    if (name === "quit" || (press === "end" && (isEnding || asked === undefined))) ask("SIGINT");
    else if (press !== undefined) asked?.(press);
    isEnding ||= press === "end";
  };
  const screen = new Screen({ output: process.stdout, input: process.stdin, key, atExit: atProcessExit });
  return {
    ...common,
    print,
    show: (state) => {
      screen.open();
      screen.draw(renderLive(state, screen.size, paint));
    },
    curtain: () => screen.close(),
    onKey: (answer) => {
      asked = answer;
    },
  };
}
