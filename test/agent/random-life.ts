// One run of whole agents under random faults, then peace: the site must heal by itself, and every reading that a card has synced
// must be on the dashboard topic once. Some seeds keep so little of the log that snapshots are sent all the time; some have learners.
// The world's checkers of agreement look on.

import { expect } from "vitest";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { defaultRaftLimits } from "../../src/replica/open-replica.ts";
import { brokerUrl, type VirtualAgents, type VirtualDevice } from "./virtual-agents.ts";
import { WatchedAgents } from "./watched-agents.ts";

const smallSizes = {
  limits: { ...defaultRaftLimits, tailEntries: 20, tailBytes: 8_192, snapshotChunkBytes: 2_048 },
  checkpointBytes: 8_192,
};

export class RandomLife {
  readonly agents: WatchedAgents;
  readonly #seed: number;
  readonly #count: number;
  readonly #hung = new Set<VirtualDevice>();
  #isBrokerHung = false;
  crashes = 0;
  wiped = 0;
  /** Of cards that were wiped: their readings that certainly count, and those that may. */
  countedOfWiped = 0;
  takenOfWiped = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#count = 3 + (seed % 7);
    this.agents = new WatchedAgents(seed, this.#count);
    if (seed % 2 === 0) this.agents.sizes = smallSizes;
  }

  async run(): Promise<void> {
    const { agents } = this;
    await agents.found(seedSensors(this.#count));
    const { random, network } = agents;
    network.setFaults({
      loss: random.fraction() * 0.1,
      repetition: random.fraction() * 0.1,
      reordering: random.fraction() * 0.1,
      reorderDelay: milliseconds(50),
    });
    for (let round = 0; round < 60; round++) {
      await this.#round(random.fraction());
      await agents.run(milliseconds(random.below(3000)));
    }
    await this.#heal();
  }

  async #round(chance: number): Promise<void> {
    const { agents } = this;
    const { network, random } = agents;
    const device = agents.at(random.below(this.#count));
    if (chance < 0.12) this.#crash(device);
    else if (chance < 0.2) this.#crash(agents.leader());
    else if (chance < 0.46) await this.#start(device);
    else if (chance < 0.5) network.cut(device.host, brokerUrl, chance < 0.48 ? "both" : "to-broker");
    else if (chance < 0.56) network.healAll();
    else if (chance < 0.58) {
      network.broker(brokerUrl).crash();
      await agents.run(seconds(1));
      network.broker(brokerUrl).restart();
    } else if (chance < 0.62) this.#hang(device);
    else if (chance < 0.64) this.#hangBroker();
    else if (chance < 0.66) await this.#newCard(device);
    else if (chance < 0.68) await this.#wipe(device);
  }

  #crash(device: VirtualDevice | undefined): void {
    if (device?.agent === undefined) return;
    this.agents.crash(device);
    this.#hung.delete(device);
    this.crashes += 1;
  }

  async #start(device: VirtualDevice): Promise<void> {
    if (device.agent === undefined) await this.agents.start(device, false);
  }

  /** Its disk answers nothing for 5 s. */
  #hang(device: VirtualDevice): void {
    if (device.agent === undefined || this.#hung.has(device)) return;
    const { disk } = device;
    disk.hang();
    this.#hung.add(device);
    this.agents.time.schedule(seconds(5), "disk resumes", () => {
      disk.resume();
      if (device.disk === disk) this.#hung.delete(device);
    });
  }

  #hangBroker(): void {
    if (this.#isBrokerHung) return;
    const broker = this.agents.network.broker(brokerUrl);
    this.#isBrokerHung = true;
    broker.hang();
    this.agents.time.schedule(seconds(4), "broker resumes", () => {
      broker.thaw();
      this.#isBrokerHung = false;
    });
  }

  /** What is on the card goes on on another one. */
  async #newCard(device: VirtualDevice): Promise<void> {
    if (!this.#isSettled) return;
    this.#crash(device);
    device.disk = device.disk.copy(`cid:${this.agents.time.now}`);
    await this.#comeBack(device);
  }

  async #wipe(device: VirtualDevice): Promise<void> {
    const { agents } = this;
    if (!this.#isSettled || this.wiped > 0) return;
    const taken = await agents.stored([device]);
    const { counted, missing } = device.status.readings;
    this.wiped += 1;
    this.countedOfWiped += Math.max(0, counted - missing);
    this.takenOfWiped += taken + 2 * seedSensors(this.#count);
    this.#crash(device);
    device.disk = agents.newDisk(100 + agents.devices.indexOf(device));
    await this.#comeBack(device);
  }

  /** A site may lose voters' logs one after the other, but not faster than they are replaced. */
  get #isSettled(): boolean {
    const { agents } = this;
    const status = agents.leader()?.status;
    const isEveryoneUp = agents.devices.every(({ agent }) => agent !== undefined) && this.#hung.size === 0;
    return isEveryoneUp && status?.members.length === this.#count && status.voters.length === this.#votersWanted;
  }

  async #comeBack(device: VirtualDevice): Promise<void> {
    const { agents } = this;
    await this.#start(device);
    await agents.run(seconds(5));
    for (let i = 0; i < 120 && !(this.#isSettled && device.status.why.includes("follows")); i++)
      await agents.run(seconds(1));
    await agents.run(seconds(3));
  }

  get #votersWanted(): number {
    return this.#count < 5 ? 3 : 5;
  }

  async #heal(): Promise<void> {
    const { agents } = this;
    const { network } = agents;
    network.healAll();
    network.setFaults({ loss: 0, repetition: 0, reordering: 0 });
    await agents.run(seconds(6)); // what hangs resumes
    for (const device of agents.devices) await this.#start(device);
    const story = (): string =>
      `seed ${this.#seed}: ${agents.devices.map(({ name, agent }) => `${name} ${agent?.status().why} ${agent?.status().problems.join()} ${JSON.stringify(agent?.status().readings).slice(0, 80)}`).join("\n")}`;
    const isWhole = (): boolean => {
      const status = agents.leader()?.status;
      return status?.members.length === this.#count && status.voters.length === this.#votersWanted;
    };
    for (let i = 0; i < 90 && !isWhole(); i++) await agents.run(seconds(1));
    expect(isWhole(), `not whole again: ${story()}`).toBe(true);
    agents.silenceSensors();
    await agents.run(seconds(5));
    const stored = await agents.stored();
    const [least, most] = [stored + this.countedOfWiped, stored + this.takenOfWiped];
    const isCounted = (): boolean => agents.counted() >= least && agents.counted() <= most;
    for (let i = 0; i < 150 && !isCounted(); i++) await agents.run(seconds(1));
    await agents.run(seconds(20));
    const told = `${agents.counted()} of ${least} to ${most}; ${story()}\n${agents.log.slice(-20).join("\n")}`;
    expect(isCounted(), told).toBe(true);
    const statuses = agents.devices.map(({ status }) => status);
    expect(new Set(statuses.map(({ revision, members }) => `${revision} ${members.length}`)).size, story()).toBe(1);
    for (const { problems } of statuses) expect(problems.join()).not.toMatch(/contradict|digest|founding/);
    expect(agents.devices.map(({ failure }) => failure?.message)).toEqual(agents.devices.map(() => undefined));
    agents.healed();
    // No card was copied under its own serial here, or written back: nothing that is late or repeated may look so.
    expect(agents.log.filter((line) => /cut off|written back/.test(line))).toEqual([]);
    expectItemsInOrder(agents);
  }
}

const seedSensors = (count: number): number => (count > 5 ? 1 : 2);

/** P5: no number is missing, and a repeat is the same bytes. */
function expectItemsInOrder(agents: VirtualAgents): void {
  const known = new Map<string, string>();
  let last = 0;
  for (const { topic, body } of agents.items) {
    const id = String(body["id"]);
    const bytes = `${topic} ${JSON.stringify(body)}`;
    expect(known.get(id) ?? bytes).toBe(bytes);
    const number = Number(id.split(".")[1]);
    if (!known.has(id)) {
      expect(number).toBe(last + 1);
      last = number;
    }
    known.set(id, bytes);
  }
}
