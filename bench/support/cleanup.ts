// A bench that is interrupted leaves nothing behind: no process, no directory.

import { rmSync } from "node:fs";

type Leave = () => void;

const pending = new Set<Leave>();

/** `leave`, which must be synchronous, runs when the process ends in any way but SIGKILL; the answer forgets it. */
export function onExit(leave: Leave): () => void {
  if (pending.size === 0) arm();
  pending.add(leave);
  return () => pending.delete(leave);
}

export function removeOnExit(directory: string): () => void {
  return onExit(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
}

let isArmed = false;

function arm(): void {
  if (isArmed) return;
  isArmed = true;
  process.on("exit", () => {
    // Newest first: a process goes before the directory that it writes to.
    for (const leave of [...pending].reverse()) leave();
  });
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
}
