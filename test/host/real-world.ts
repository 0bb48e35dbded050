// What tests of the real machine share: real time, a free port, Debian's Mosquitto.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Clock } from "../../src/base/ports/clock.ts";
import type { Random } from "../../src/base/ports/random.ts";
import { type Instant, instant } from "../../src/base/units.ts";

export const realClock: Clock = {
  now: (): Instant => instant(performance.now()),
  wall: () => ({ time: Date.now(), synchronized: true }),
  after: (delay, _name, task) => {
    const timer = setTimeout(task, delay);
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (task) => {
    setImmediate(task);
  },
};

export const realRandom: Random = {
  fraction: () => Math.random(),
  below: (bound) => Math.floor(Math.random() * bound),
  bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(Math.random() * 256)),
};

/** Looks again until `condition` holds. */
export async function until(condition: () => boolean, withinMs = 8_000): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > withinMs) throw new Error(`It never became so: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

const isListening = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    }).once("error", () => resolve(false));
  });

/** Debian's Mosquitto with a temporary configuration. */
export class Mosquitto {
  readonly #directory = mkdtempSync(join(tmpdir(), "skein-mosquitto-"));
  readonly #port: number;
  #process: ChildProcess | undefined;

  constructor(port: number) {
    this.#port = port;
    const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "set_tcp_nodelay true", "log_type error"];
    if (process.getuid?.() === 0) lines.push("user root");
    writeFileSync(join(this.#directory, "mosquitto.conf"), `${lines.join("\n")}\n`);
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async start(): Promise<void> {
    const { PATH = "" } = process.env;
    const started = spawn("mosquitto", ["-c", join(this.#directory, "mosquitto.conf")], {
      env: { ...process.env, PATH: `${PATH}:/usr/sbin:/sbin` },
      stdio: "ignore",
    });
    this.#process = started;
    let failure: Error | undefined;
    started.once("error", (error) => {
      failure = error;
    });
    for (let tries = 0; !(await isListening(this.#port)); tries++) {
      if (failure !== undefined || tries > 2_000) throw failure ?? new Error("mosquitto does not listen");
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      running.once("exit", () => resolve());
      running.kill("SIGKILL");
    });
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
