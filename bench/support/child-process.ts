// Another process of a bench: it serves calls over Node's IPC channel, and ends when that channel does, so that none
// outlives a bench that was killed.

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onExit } from "./cleanup.ts";

/** What a child serves: by name, from one argument to one answer; both are copied as JSON. */
export type Calls = { readonly [name: string]: (argument: never) => unknown };

interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: string;
}

interface Waiting {
  readonly done: (value: never) => void;
  readonly failed: (failure: Error) => void;
}

export class Child<Served extends Calls> {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #forget: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isEnding = false;

  /** `role`: a file of `bench/children`. */
  constructor(role: string, nodeArguments: readonly string[] = []) {
    this.#name = role;
    const entry = fileURLToPath(new URL("../child.js", import.meta.url));
    this.#process = fork(entry, [role], {
      execArgv: [...nodeArguments],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#forget = onExit(() => this.#process.kill("SIGKILL"));
    this.#process.on("message", (answer: Answer) => this.#answered(answer));
    this.#process.once("exit", (code, signal) => this.#ended(`${role} ended (${signal ?? code})`));
    this.#process.once("error", (error) => this.#ended(`${role}: ${error.message}`));
  }

  call<Name extends keyof Served & string>(
    name: Name,
    ...[argument]: Parameters<Served[Name]>
  ): Promise<Awaited<ReturnType<Served[Name]>>> {
    this.#lastId += 1;
    const question: Question = { id: this.#lastId, name, argument: argument ?? null };
    return new Promise((done, failed) => {
      this.#waiting.set(question.id, { done, failed });
      this.#process.send(question, (error) => {
        if (error !== null) failed(error);
      });
    });
  }

  /** SIGKILL ends it for good. */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#isEnding ||= signal === "SIGKILL";
    this.#process.kill(signal);
  }

  /** By closing the channel: the child leaves by itself and keeps nothing. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#process.once("exit", () => resolve()));
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(timer);
  }

  #answered({ id, value, failure }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failure === undefined) waiting?.done(value as never);
    else waiting?.failed(new Error(`${this.#name}: ${failure}`));
  }

  #ended(why: string): void {
    this.#forget();
    for (const { failed } of this.#waiting.values()) failed(new Error(why));
    this.#waiting.clear();
    if (!this.#isEnding) process.stderr.write(`bench: ${why}\n`);
  }
}

/** In the child: answers calls until the channel closes. */
export function serve(calls: Calls): void {
  process.on("message", ({ id, name, argument }: Question) => {
    const reply = (answer: Answer): void => {
      if (process.connected) process.send?.(answer);
    };
    Promise.resolve()
      .then(() => calls[name]?.(argument as never))
      .then(
        (value) => reply({ id, value }),
        (cause: unknown) =>
          reply({ id, failure: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) }),
      );
  });
  process.once("disconnect", () => process.exit(0));
}
