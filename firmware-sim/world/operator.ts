// The person who runs the site, at a broker of hers: what she asks of the coordinator, over the site's API. The answers are
// noted for whoever reads a failure; what comes of it is seen by the checkers.

import type { DeviceId } from "../../src/base/ids.ts";
import { seconds } from "../../src/base/units.ts";
import { ApiClient } from "../../src/mqtt/api-client.ts";
import type { SimulatedNetwork } from "../network.ts";
import type { SeededRandom } from "../seeded-random.ts";
import type { SimulatedBroker } from "../simulated-broker.ts";
import { VirtualClock, type VirtualTime } from "../virtual-clock.ts";
import { worldSite } from "./names.ts";

/** What she reaches of a world. */
export interface OperatedSite {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly brokers: readonly SimulatedBroker[];
  note(line: string): void;
}

const answerWithin = seconds(6);

export class SiteOperator {
  readonly #clients: readonly ApiClient[];
  readonly #random: SeededRandom;
  readonly #note: (line: string) => void;

  constructor(world: OperatedSite) {
    this.#note = (line) => world.note(line);
    const random = world.random.fork("operator");
    this.#random = random;
    this.#clients = world.brokers.map(({ url }, number) => {
      const name = `operator-${number + 1}`;
      const ports = { clock: new VirtualClock(world.time), random, links: world.network.device(name) };
      return new ApiClient(ports, { site: worldSite, broker: { url }, name }, { changed: () => undefined });
    });
    for (const client of this.#clients) client.start();
  }

  /** The coordinator is asked to hand over. False: it is on none of her brokers. */
  transfer(coordinator: DeviceId): boolean {
    return this.#ask(coordinator, "coordinator.transfer", {});
  }

  /** The coordinator is asked to remove a device for good, in a session of its own. False: it is on none of her brokers. */
  remove(coordinator: DeviceId, device: DeviceId): boolean {
    const session = Buffer.from(this.#random.bytes(16)).toString("hex");
    return this.#ask(coordinator, "members.remove", { device, session, serial: 1 });
  }

  #ask(device: DeviceId, name: string, argument: unknown): boolean {
    const client = this.#clients.find((each) => each.devices().includes(device));
    client?.ask({ device, name, argument, timeout: answerWithin }, (outcome) =>
      this.#note(`${name} of ${device}: ${JSON.stringify(outcome)}`),
    );
    return client !== undefined;
  }
}
