// The program as a person starts it: `skein …` in a process of its own, what it says, and how it ends.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

const root = join(import.meta.dirname, "..", "..");
const skein = ["--enable-source-maps", join(root, "dist", "src", "cli", "main.js")];

/** Processes of this test run that live; whatever happens to the test run, they end with it. */
const alive = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running process. What it writes goes to files, so that a process that floods never waits for the test. */
export class Program {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;

  constructor(command: string, args: readonly string[], output: { stdout?: string; stderr: string; stdin?: "pipe" }) {
    const { PATH = "" } = process.env;
    const descriptors = [output.stdout ?? "/dev/null", output.stderr].map((path) => openSync(path, "a"));
    this.#child = spawn(command, args, {
      stdio: [output.stdin ?? "ignore", ...descriptors],
      env: { ...process.env, PATH: `${PATH}:/usr/sbin:/sbin` },
    });
    for (const descriptor of descriptors) closeSync(descriptor);
    alive.add(this.#child);
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("exit", (code, signal) => {
        alive.delete(this.#child);
        resolve({ code, signal });
      });
    });
  }

  /** `skein` with these arguments. */
  static skein(args: readonly string[], output: { stdout?: string; stderr: string }): Program {
    return new Program(process.execPath, [...skein, ...args], output);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return alive.has(this.#child);
  }

  write(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when it has ended. Idempotent. */
  end(signal: NodeJS.Signals = "SIGKILL"): Promise<Ended> {
    if (this.isRunning) this.#child.kill(signal);
    return this.ended;
  }
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `skein` to its end. */
export function runSkein(args: readonly string[], withinMs = 60_000): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...skein, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    alive.add(child);
    const text = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (chunk: string) => {
        text[stream] += chunk;
      });
    }
    const late = setTimeout(() => child.kill("SIGKILL"), withinMs);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(late);
      alive.delete(child);
      resolve({ code, ...text });
    });
  });
}

/** Looks again until `look` answers something; fails with what `explain` says then. */
export async function eventually<Found>(
  what: string,
  look: () => Promise<Found | undefined> | Found | undefined,
  { withinMs = 60_000, everyMs = 50, explain = (): string => "" } = {},
): Promise<Found> {
  const start = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() - start > withinMs) throw new Error(`Not within ${withinMs / 1000} s: ${what}\n${explain()}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
