// A program's way to a site: one of its brokers that answers, and any device on it, asked by name.

import { withoutLogin } from "../base/broker-url.ts";
import { type ErrorCode, errorCodes, SkeinError } from "../base/errors.ts";
import type { DeviceId, SiteId } from "../base/ids.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { MqttLinks } from "../base/ports/mqtt-link.ts";
import type { Random } from "../base/ports/random.ts";
import { type Duration, seconds } from "../base/units.ts";
import { ApiClient } from "../mqtt/api-client.ts";
import type { BrokerAddress } from "../mqtt/broker-connection.ts";

export interface SiteClientOptions {
  readonly site: SiteId;
  /** Tried in turn; the first that answers is used. */
  readonly brokers: readonly BrokerAddress[];
  /** What the client is called on the broker. */
  readonly name: string;
}

export interface SiteClientPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: MqttLinks;
}

const connectWithin = seconds(5);
/** Retained presence comes one message after the other. */
const presenceWithin = seconds(3);
const presenceSettles = seconds(0.2);
/** A change may wait for an election; the member asked gives up after 20 s. */
const answerWithin = seconds(25);

export class SiteClient {
  readonly #client: ApiClient;
  readonly #ports: SiteClientPorts;

  private constructor(client: ApiClient, ports: SiteClientPorts) {
    this.#client = client;
    this.#ports = ports;
  }

  /** Fails with `broker-unreachable`, or `not-found` when no device of the site is on any of the brokers. */
  static async open(options: SiteClientOptions, ports: SiteClientPorts): Promise<SiteClient> {
    const reasons: string[] = [];
    let isReached = false;
    for (const broker of options.brokers) {
      const found = await tryBroker(broker, options, ports);
      if (found.kind === "ready") return new SiteClient(found.client, ports);
      isReached ||= found.kind === "empty";
      reasons.push(`${withoutLogin(broker.url)}: ${found.why}`);
    }
    const advice = "Is the agent running, and is --broker one of its brokers?";
    const [code, what] = isReached
      ? (["not-found", `No device of site ${options.site} is on the broker`] as const)
      : (["broker-unreachable", "No broker answers"] as const);
    throw new SkeinError(code, `${what} (${reasons.join("; ")}). ${advice}`);
  }

  devices(): readonly DeviceId[] {
    return this.#client.devices();
  }

  /**
   * The parts of the answer. Fails with `timed-out` (the outcome is unknown), `not-found` when the device is not there, or
   * the code with which it refused.
   */
  ask(device: DeviceId | "any", name: string, argument: unknown, timeout: Duration = answerWithin): Promise<unknown[]> {
    const asked = device === "any" ? this.#anyDevice() : device;
    const parts: unknown[] = [];
    return new Promise((resolve, reject) => {
      this.#client.ask({ device: asked, name, argument, timeout }, (outcome) => {
        switch (outcome.kind) {
          case "answer":
            parts.push(outcome.value);
            if (outcome.isLast) resolve(parts);
            return;
          case "refused":
            return reject(new SkeinError(knownCode(outcome.code), outcome.message));
          case "absent":
            return reject(new SkeinError("not-found", `${asked} is not on this broker; ${this.#presentNames()} are`));
          case "not-connected":
            return reject(
              new SkeinError("not-connected", "The connection to the broker was lost before the question was sent"),
            );
          case "too-much":
            return reject(new SkeinError("invalid-argument", `The question ${name} is too large for one message`));
          case "timed-out":
            return reject(new SkeinError("timed-out", `${asked} did not answer ${name} within ${timeout / 1000} s`));
        }
      });
    });
  }

  async close(): Promise<void> {
    await this.#client.stop();
  }

  #anyDevice(): DeviceId {
    const devices = this.#client.devices();
    const [first] = devices;
    if (first === undefined) throw new SkeinError("not-found", "No device of the site is on the broker any more");
    return devices[this.#ports.random.below(devices.length)] ?? first;
  }

  #presentNames(): string {
    const names = this.#client.devices();
    return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
  }
}

type Attempt =
  | { readonly kind: "ready"; readonly client: ApiClient }
  | { readonly kind: "empty" | "unreachable"; readonly why: string };

async function tryBroker(
  broker: BrokerAddress,
  { site, name }: SiteClientOptions,
  ports: SiteClientPorts,
): Promise<Attempt> {
  let changed: () => void = () => undefined;
  const client = new ApiClient(ports, { site, broker, name }, { changed: () => changed() });
  const until = (isTrue: () => boolean, within: Duration): Promise<boolean> =>
    new Promise((resolve) => {
      const late = ports.clock.after(within, "wait for the broker", () => resolve(isTrue()));
      changed = () => {
        if (!isTrue()) return;
        late.cancel();
        resolve(true);
      };
      changed();
    });
  client.start();
  if (!(await until(() => client.isUp, connectWithin))) {
    const why = client.lastError ?? `no answer within ${connectWithin / 1000} s`;
    await client.stop();
    return { kind: "unreachable", why };
  }
  if (!(await until(() => client.devices().length > 0, presenceWithin))) {
    await client.stop();
    return { kind: "empty", why: "no device of this site is connected there" };
  }
  await until(() => false, presenceSettles);
  return { kind: "ready", client };
}

const knownCode = (code: string): ErrorCode => (Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : "refused");
