// How much of the processor does the simulated network take by itself: one coordinator that beats 4 times a second, 50 devices
// that hear it, set their election timers anew and acknowledge now and then? A world of whole agents is to run 100 times faster
// than real time, so this has to be many times faster still.

import { SimulatedNetwork } from "../firmware-sim/network.ts";
import { SeededRandom } from "../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../firmware-sim/virtual-clock.ts";
import { type Duration, milliseconds, minutes, seconds } from "../src/base/units.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { Bench } from "./support/report.ts";

const url = "mqtt://broker:1883";
const devices = 50;
const beat = milliseconds(250);
const acknowledgedEach = 4;
const span = minutes(60);
const aim = 1_000;

export const simulatedNetwork: Bench = {
  question: `the simulated network alone, ${devices} devices and 4 beats a second: how much faster than real time`,
  run: async () => {
    const before = cpuTimes();
    const site = new BeatingSite();
    site.time.run(minutes(2));
    const heardBefore = site.heard;
    const used = process.cpuUsage();
    site.time.run(span);
    const { user, system } = process.cpuUsage(used);
    const processorMs = (user + system) / 1_000;
    const heard = site.heard - heardBefore;
    if (heard < devices * (span / beat)) throw new Error(`Only ${heard} beats were heard`);
    const ratio = span / processorMs;
    return await Promise.resolve({
      title: "an hour of virtual time",
      columns: [
        { name: "heard", digits: 0 },
        { name: "processor ms", digits: 0 },
        { name: "µs each", digits: 2 },
        { name: "held in memory", digits: 0 },
      ],
      rows: [{ name: "beats", values: [heard, processorMs, (processorMs * 1_000) / heard, site.time.heldInMemory] }],
      judgements: [{ what: "times faster than real time, of one core", value: ratio, bound: "aim", atLeast: aim }],
      notes: [machineNote(before)],
    });
  },
};

class BeatingSite {
  readonly time = new VirtualTime();
  readonly #network = new SimulatedNetwork(this.time, new SeededRandom(1));
  heard = 0;

  constructor() {
    this.#network.addBroker(url);
    for (let number = 0; number < devices; number++) this.#addDevice(`device-${number}`);
    const coordinator = this.#network.device("coordinator").open(this.#options("coordinator", []), quiet);
    const payload = new Uint8Array(400);
    this.#each(new VirtualClock(this.time), beat, () =>
      coordinator.publish({ topic: "log/coordinator", payload, qos: 0, retain: false }),
    );
  }

  #addDevice(name: string): void {
    const clock = new VirtualClock(this.time);
    const elect = (): void => undefined;
    let timer = clock.after(seconds(2), "elect", elect);
    let beats = 0;
    const link = this.#network.device(name).open(this.#options(name, ["log/+", `to/${name}/+`]), {
      ...quiet,
      message: () => {
        this.heard += 1;
        timer.cancel();
        timer = clock.after(seconds(2), "elect", elect);
        if (++beats % acknowledgedEach !== 0) return;
        link.publish({ topic: `to/coordinator/${name}`, payload: new Uint8Array(150), qos: 0, retain: false });
      },
    });
  }

  #options(clientId: string, filters: readonly string[]) {
    const subscriptions = filters.map((filter) => ({ filter, qos: 0 }) as const);
    return { url, clientId, keepAlive: seconds(30), subscriptions, maxPendingBytes: 1_000_000 };
  }

  #each(clock: VirtualClock, interval: Duration, task: () => void): void {
    clock.after(interval, "beat", () => {
      task();
      this.#each(clock, interval, task);
    });
  }
}

const quiet = { up: () => undefined, down: () => undefined, message: () => undefined };
