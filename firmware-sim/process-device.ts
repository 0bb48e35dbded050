// A device whose agent is a process of its own: a kill is a SIGKILL, and what its sensors sensed is written to a file in the
// moment in which it is handed out, so that it outlives the process.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AgentStatus } from "../src/agent/status.ts";
import { assert, SkeinError } from "../src/base/errors.ts";
import type { DeviceId } from "../src/base/ids.ts";
import type { Duration } from "../src/base/units.ts";
import type { StoredReading } from "../src/readings/reading-log.ts";
import type { SimulatedAgent } from "./agent-door.ts";
import type { FromDevice, ProcessSettings, ToDevice } from "./process-messages.ts";
import { LifeBook, type SimulatedDevice, type UpTime } from "./simulated-device.ts";

export interface ProcessDeviceOptions {
  readonly device: DeviceId;
  readonly dataPath: string;
  readonly agent: SimulatedAgent;
  readonly seed: number;
  readonly day: Duration;
  /** Sampling instant 0 as `performance.now()` had it here. */
  readonly originMs: number;
  readonly ended: (device: DeviceId, reason: unknown) => void;
}

const answerTimeoutMs = 5_000;
const stopTimeoutMs = 15_000;

export class ProcessDevice implements SimulatedDevice {
  readonly device: DeviceId;
  readonly #options: ProcessDeviceOptions;
  readonly #book = new LifeBook();
  readonly #ledgerPath: string;
  readonly #waiting = new Map<number, (value: unknown) => void>();
  #child: ChildProcess | undefined;
  #isUp = false;
  /** Its end was asked for. */
  #isEnding = false;
  #isSilent = true;
  #requests = 0;

  constructor(options: ProcessDeviceOptions) {
    this.#options = options;
    this.device = options.device;
    mkdirSync(options.dataPath, { recursive: true });
    this.#ledgerPath = join(options.dataPath, "sensed.ledger");
  }

  get state(): "off" | "starting" | "up" {
    return this.#child === undefined ? "off" : this.#isUp ? "up" : "starting";
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** One byte for each reading. */
  get sensed(): number {
    return statSync(this.#ledgerPath, { throwIfNoEntry: false })?.size ?? 0;
  }

  get upTimes(): readonly UpTime[] {
    return this.#book.upTimes;
  }

  get kills(): number {
    return this.#book.kills;
  }

  async start(): Promise<void> {
    assert(this.#child === undefined, `${this.device} is started once at a time`);
    const { agent, dataPath, seed, day, originMs } = this.#options;
    const settings: ProcessSettings = {
      agent,
      dataPath: join(dataPath, "agent"),
      ledgerPath: this.#ledgerPath,
      seed,
      day,
      originWall: Date.now() - (performance.now() - originMs),
      isSilent: this.#isSilent,
    };
    const child = fork(fileURLToPath(new URL(programName(), import.meta.url)), [JSON.stringify(settings)], {
      serialization: "advanced",
      execArgv: process.execArgv,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child = child;
    this.#isEnding = false;
    this.#isUp = false;
    this.#book.began(performance.now());
    await new Promise<void>((resolve, reject) => {
      child.on("message", (message: FromDevice) => {
        if (message.kind === "answer") this.#answered(message.request, message.value);
        else if (message.kind === "up") {
          this.#isUp = this.#child === child;
          resolve();
        } else reject(new SkeinError("data-directory-unusable", message.why));
      });
      child.once("exit", (code, signal) => this.#exited(child, signal ?? `exit code ${code}`, resolve));
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#book.kills += 1;
    await this.#end(child, "SIGKILL");
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const late = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await this.#end(child, "SIGTERM");
    clearTimeout(late);
  }

  setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent;
    this.#tell({ kind: "silent", isSilent });
  }

  async status(): Promise<AgentStatus | undefined> {
    return this.#isUp ? ((await this.#ask("status")) as AgentStatus | undefined) : undefined;
  }

  async storedReadings(): Promise<readonly StoredReading[]> {
    const readings = (await this.#ask("stored")) as readonly StoredReading[] | undefined;
    if (readings === undefined) throw new SkeinError("timed-out", `${this.device} does not say what its card holds`);
    return readings;
  }

  /** Undefined when no answer comes. */
  #ask(what: "status" | "stored"): Promise<unknown> {
    this.#requests += 1;
    const request = this.#requests;
    return new Promise((resolve) => {
      const late = setTimeout(() => this.#answered(request, undefined), answerTimeoutMs);
      this.#waiting.set(request, (value) => {
        clearTimeout(late);
        resolve(value);
      });
      if (!this.#tell({ kind: "ask", request, what })) this.#answered(request, undefined);
    });
  }

  #answered(request: number, value: unknown): void {
    this.#waiting.get(request)?.(value);
    this.#waiting.delete(request);
  }

  #tell(message: ToDevice): boolean {
    const child = this.#child;
    if (child === undefined || !child.connected) return false;
    return child.send(message, () => undefined) || child.connected;
  }

  async #end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    this.#book.ended(performance.now());
    this.#isEnding = true;
    this.#isUp = false;
    const gone = once(child, "exit");
    child.kill(signal);
    if (child.exitCode === null && child.signalCode === null) await gone;
    this.#forget();
  }

  #exited(child: ChildProcess, how: string, settle: () => void): void {
    settle();
    if (this.#child !== child || this.#isEnding) return;
    this.#book.ended(performance.now());
    this.#forget();
    this.#options.ended(this.device, `its process ended (${how})`);
  }

  #forget(): void {
    this.#child = undefined;
    this.#isUp = false;
    for (const request of [...this.#waiting.keys()]) this.#answered(request, undefined);
  }
}

/** The program beside this file, in the tree and in `dist/`. */
const programName = (): string => `./device-process.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`;
