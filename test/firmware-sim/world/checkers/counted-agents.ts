// Whole agents that the checkers of counting look at: sensors hand out whole numbers, each of them once; the cloud's broker tells
// what it accepts; cards are wiped and copied.

import { type CheckerOf, Violation } from "../../../../firmware-sim/world/checker.ts";
import type { AgentPorts } from "../../../../src/agent/ports.ts";
import { seconds } from "../../../../src/base/units.ts";
import { cloudUrl, type VirtualDevice } from "../../../agent/virtual-agents.ts";
import { WatchedAgents } from "../../../agent/watched-agents.ts";

/** PROTOCOLS, E: three of the windows with their grace, editions and a backlog. */
const healedWithin = 200;

export class CountedAgents extends WatchedAgents {
  #value = 0;

  constructor(seed: number, count: number, checkers: readonly CheckerOf[]) {
    super(seed, count, checkers);
    this.#hearCloud();
    this.#everySecond();
  }

  /** An empty card takes the place of the one that it has. */
  wipe(device: VirtualDevice): void {
    this.crash(device);
    this.tell("cardLost", this.cardOf(device.disk), "everything");
    device.disk = this.newDisk(100 + this.#value);
  }

  /** What is on its card goes on on another one. */
  moveToCopy(device: VirtualDevice): void {
    this.crash(device);
    const copy = device.disk.copy(`cid:${this.time.now}`);
    this.tell("cardCopied", this.cardOf(device.disk), this.cardOf(copy));
    device.disk = copy;
  }

  /** Nothing fails any more, and sensors are silent. */
  async heal(): Promise<void> {
    const waitsFor = (): string | undefined => this.checkers.map((checker) => checker.waitsFor?.()).find((why) => why);
    for (let i = 0; i < healedWithin && waitsFor() !== undefined; i++) await this.run(seconds(1));
    const why = waitsFor();
    if (why !== undefined) throw new Violation("liveness", why);
    this.healed();
  }

  protected override watched(device: VirtualDevice, ports: AgentPorts): AgentPorts {
    const drivers: AgentPorts["drivers"] = (sensor, configuration) => {
      const driver = ports.drivers(sensor, configuration);
      return {
        start: (sink) =>
          driver.start({
            ...sink,
            reading: () => {
              this.#value += 1;
              sink.reading(this.#value);
            },
          }),
        stop: () => driver.stop(),
      };
    };
    return { ...super.watched(device, ports), drivers };
  }

  /** In the order in which its broker accepts it. */
  #hearCloud(): void {
    this.network.broker(cloudUrl).accepted = ({ topic, payload, retain, qos }, { clientId }) =>
      this.tell("uplink", { topic, payload, retain, qos, clientId }, "");
  }

  #everySecond(): void {
    this.time.schedule(seconds(1), "a second", () => {
      this.tell("second");
      this.#everySecond();
    });
  }
}
