// A client of the site's API that reads and writes one register, and writes down what it was told.
//
// The register is the site's configuration: every write is a compare-and-set on its revision, and its note bears a value that
// nobody else writes. So whether reads and writes are linearizable can be judged from outside. A time-out means unknown: then
// the client repeats with the same session and serial, as the API asks, or gives up and never knows.

import type { DeviceId } from "../../src/base/ids.ts";
import type { Clock } from "../../src/base/ports/clock.ts";
import type { MqttLinks } from "../../src/base/ports/mqtt-link.ts";
import type { Random } from "../../src/base/ports/random.ts";
import { type Duration, type Instant, milliseconds, seconds } from "../../src/base/units.ts";
import { ApiClient, type ApiOutcome } from "../../src/mqtt/api-client.ts";
import type { SiteConfiguration } from "../../src/site/configuration.ts";
import { packChanges } from "../../src/site/configuration-changes.ts";
import { defaultConfiguration } from "../../src/site/configuration-defaults.ts";
import { applyChanges, diffConfiguration } from "../../src/site/configuration-diff.ts";
import { readChanges } from "../../src/site/configuration-items.ts";
import type { ClientOperation } from "./checker.ts";
import type { ClientHabits } from "./client-habits.ts";
import { worldSite } from "./names.ts";

export interface RegisterClientHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: MqttLinks;
  readonly broker: string;
  /** The configuration that a write makes of `configuration`. */
  change(configuration: SiteConfiguration): SiteConfiguration;
  /** False: the site's clients have written enough for now, and this one reads instead. */
  mayWrite(): boolean;
  operation(operation: ClientOperation): void;
  /** What no operation may end with. */
  broken(failure: unknown): void;
}

export const registerKey = "configuration";

const answerWithin = seconds(6);
const attemptsMax = 4;
const aMoment = milliseconds(0.01);
/** Of one client, at once. */
const readsMax = 16;

interface Known {
  readonly revision: number;
  readonly configuration: SiteConfiguration;
}

/**
 * Only the state machine's word is final; a member that was busy says nothing of an attempt before. Nor does the state machine where
 * it does not know the session: what was sent in it may still come, in its order.
 */
function meaningOf(code: string, message: string): "refused" | "expired" | "unknown" | "not-sent" {
  if (code !== "refused") return code === "timed-out" ? "unknown" : "not-sent";
  return message.startsWith("session-expired:") ? "expired" : "refused";
}

const newSession = (random: Random): string => Buffer.from(random.bytes(16)).toString("hex");

type Answer =
  | { readonly kind: "answer"; readonly parts: readonly Record<string, unknown>[] }
  | { readonly kind: "refused" | "expired" | "unknown" | "not-sent"; readonly why: string };

export class RegisterClient {
  readonly name: string;
  readonly #habits: ClientHabits;
  readonly #host: RegisterClientHost;
  readonly #api: ApiClient;
  #session: string;
  #serial = 0;
  #values = 0;
  #known: Known | undefined;
  #isActive = false;
  #underWay = 0;

  constructor(name: string, habits: ClientHabits, host: RegisterClientHost) {
    this.name = name;
    this.#habits = habits;
    this.#host = host;
    this.#session = newSession(host.random);
    this.#api = new ApiClient(
      host,
      { site: worldSite, broker: { url: host.broker }, name },
      { changed: () => undefined },
    );
    this.#api.start();
  }

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** From now on it reads and writes now and then, until `rest`. */
  work(): void {
    this.#isActive = true;
    this.#next();
  }

  rest(): void {
    this.#isActive = false;
  }

  /** Another client's write was answered: from now on every read must show it, whoever is asked. */
  echo(): void {
    // A moment later: what is asked in the very moment of the answer may be told of the time before.
    this.#host.clock.after(aMoment, "client echoes", () => {
      if (!this.#isActive) return;
      for (let i = 0; i < this.#habits.echoes && this.#underWay < readsMax; i++) this.#carryOut(() => this.read());
    });
  }

  /** True once it is done, and the register shows it. `at`: whom it asks; else any device of its broker. */
  async write(at?: DeviceId): Promise<boolean> {
    this.#known ??= await this.#read();
    const known = this.#known;
    if (known === undefined) return false;
    const wanted = this.#host.change(known.configuration);
    const changes = diffConfiguration(known.configuration, wanted);
    if (changes.length === 0) return false;
    this.#values += 1;
    this.#serial += 1;
    const value = `${this.name}-${this.#values}`;
    const argument = {
      base: known.revision,
      changes: packChanges(changes),
      author: this.name,
      note: value,
      session: this.#session,
      serial: this.#serial,
    };
    const called = this.#host.clock.now();
    const done = this.#begin("write", called, value);
    let answer: Answer = { kind: "not-sent", why: "" };
    let mayHaveArrived = false;
    const attempts = 1 + this.#host.random.below(attemptsMax);
    for (let attempt = 0; attempt < attempts; attempt++) {
      answer = await this.#ask("config.apply", argument, at);
      if (answer.kind !== "not-sent") mayHaveArrived = true;
      if (answer.kind === "answer" || answer.kind === "refused" || answer.kind === "expired") break;
    }
    this.#known = undefined;
    if (answer.kind === "expired") {
      this.#session = newSession(this.#host.random);
      this.#serial = 0;
    }
    if (answer.kind === "answer") {
      const [{ revision = 0 } = {}] = answer.parts;
      this.#known = { revision: Number(revision), configuration: applyChanges(known.configuration, changes) };
      done("done", value);
      return true;
    }
    done(answer.kind === "refused" || !mayHaveArrived ? "refused" : "unknown", value);
    return false;
  }

  /** True once it was answered. */
  async read(): Promise<boolean> {
    return (await this.#read()) !== undefined;
  }

  /** The same; the next write changes what it was answered. */
  async readForWriting(): Promise<boolean> {
    this.#known = (await this.#read()) ?? this.#known;
    return this.#known !== undefined;
  }

  async #read(): Promise<Known | undefined> {
    const done = this.#begin("read", this.#host.clock.now(), undefined);
    const answer = await this.#ask("config.show", {});
    const head = answer.kind === "answer" ? answer.parts[0] : undefined;
    if (answer.kind !== "answer" || head === undefined) {
      done("refused", undefined);
      return undefined;
    }
    const items = answer.parts.flatMap(({ items: part }) => readChanges(part) ?? []);
    const note = head["note"];
    done("done", typeof note === "string" && note !== "" ? note : undefined);
    return { revision: Number(head["revision"]), configuration: applyChanges(defaultConfiguration, items) };
  }

  #next(): void {
    const { clock, random } = this.#host;
    const { pause, writes, isImpatient } = this.#habits;
    clock.after(milliseconds(2 * pause * random.fraction()), "client", () => {
      if (!this.#isActive) return;
      const isWrite = random.fraction() < writes && this.#host.mayWrite();
      if (isImpatient) this.#next();
      if (isImpatient && this.#underWay >= readsMax) return;
      this.#carryOut(async () => {
        if (isWrite) await this.write();
        else await this.readForWriting();
        if (!isImpatient) this.#next();
      });
    });
  }

  #carryOut(operation: () => Promise<unknown>): void {
    this.#underWay += 1;
    const over = (): void => {
      this.#underWay -= 1;
    };
    operation().then(over, (failure: unknown) => this.#host.broken(failure));
  }

  #begin(kind: "write" | "read", called: Instant, written: string | undefined) {
    return (outcome: ClientOperation["outcome"], value: string | undefined): void => {
      const returned = outcome === "unknown" ? undefined : this.#host.clock.now();
      this.#host.operation({
        client: this.name,
        kind,
        called,
        returned,
        outcome,
        key: registerKey,
        value: kind === "write" ? written : value,
      });
    };
  }

  async #ask(name: string, argument: unknown, at?: DeviceId): Promise<Answer> {
    const devices = this.#api.devices();
    const device = at ?? devices[this.#host.random.below(Math.max(1, devices.length))];
    if (device === undefined) {
      await this.#wait(milliseconds(500));
      return { kind: "not-sent", why: "no device is there" };
    }
    return await this.#askDevice(device, name, argument);
  }

  #askDevice(device: DeviceId, name: string, argument: unknown): Promise<Answer> {
    return new Promise((resolve) => {
      const parts: Record<string, unknown>[] = [];
      this.#api.ask({ device, name, argument, timeout: answerWithin }, (outcome: ApiOutcome) => {
        switch (outcome.kind) {
          case "answer":
            parts.push(outcome.value as Record<string, unknown>);
            if (outcome.isLast) resolve({ kind: "answer", parts });
            return;
          case "refused":
            resolve({ kind: meaningOf(outcome.code, outcome.message), why: outcome.message });
            return;
          case "timed-out":
            resolve({ kind: "unknown", why: "no answer" });
            return;
          case "absent":
          case "not-connected":
          case "too-much":
            resolve({ kind: "not-sent", why: outcome.kind });
        }
      });
    });
  }

  #wait(span: Duration): Promise<void> {
    return new Promise((resolve) => {
      this.#host.clock.after(span, "client waits", resolve);
    });
  }
}
