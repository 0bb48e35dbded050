// Replicas under random faults: each seed loses, repeats and delays messages, cuts links, takes power away from any number of
// devices, and compacts its logs so eagerly that snapshots are sent all the time. Then the faults end, and it must heal.

import { expect, it } from "vitest";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { smallSizes, type VirtualReplica, VirtualSite } from "./virtual-site.ts";

const { SEEDS = "500", SEED = "1" } = process.env;
const seeds = Number(SEEDS);
const first = Number(SEED);

class Client {
  readonly acknowledged: string[] = [];
  readonly #session: string;
  #serial = 0;
  #isWaiting = false;

  constructor(number: number) {
    this.#session = String(number).padStart(32, "c");
  }

  /** Declares one more device through `node`, one at a time. */
  next(node: VirtualReplica, name: string): void {
    const { replica } = node;
    if (this.#isWaiting || replica === undefined) return;
    this.#isWaiting = true;
    this.#serial += 1;
    const change = {
      section: "devices",
      name,
      before: undefined,
      after: {
        zone: undefined,
        power: "mains",
        labels: Object.fromEntries([1, 2, 3, 4, 5].map((i) => [`l${i}`, "x".repeat(32)])),
      },
    } as const;
    const command = {
      kind: "configure",
      base: replica.state.revision,
      changes: [change],
      author: "seed",
      note: "",
    } as const;
    replica.submit({ session: this.#session, serial: this.#serial }, command, seconds(4), (result) => {
      this.#isWaiting = false;
      if (result.kind === "done") this.acknowledged.push(name);
    });
  }

  /** The member that it asked has lost power: what became of the change is unknown. */
  forget(): void {
    this.#isWaiting = false;
  }
}

/** The disk answers nothing for 3 s. */
function hang(site: VirtualSite, node: VirtualReplica): void {
  const { disk } = node;
  disk.hang();
  site.time.schedule(seconds(3), "disk resumes", () => disk.resume());
}

async function live(seed: number): Promise<{ acknowledged: number; snapshots: number }> {
  const site = new VirtualSite(seed, seed % 3 === 0 ? 5 : 3);
  site.wallOffsets = site.replicas.map(() => site.random.below(1_000_000_000));
  site.sizes = smallSizes;
  await site.found();
  const { random } = site;
  Object.assign(site.faults, {
    loss: random.fraction() * 0.3,
    repeat: random.fraction() * 0.3,
    delayMax: milliseconds(1 + random.below(80)),
  });
  const clients = [1, 2, 3].map((number) => new Client(number));
  for (let round = 0; round < 120; round++) {
    const node = site.at(random.below(site.replicas.length));
    const chance = random.fraction();
    if (chance < 0.04 && node.replica !== undefined) {
      site.crash(node);
      for (const client of clients) client.forget();
    } else if (chance < 0.12 && node.replica === undefined) await site.start(node);
    else if (chance < 0.15) site.cut.add(`${node.key}>${site.at(random.below(site.replicas.length)).key}`);
    else if (chance < 0.18) site.cut.clear();
    else if (chance < 0.182) {
      for (const each of site.replicas) if (each.replica !== undefined) site.crash(each);
      for (const client of clients) client.forget();
    } else if (chance < 0.2) hang(site, node);
    else if (chance < 0.21 && node.replica !== undefined) {
      const { replica } = node;
      node.replica = undefined;
      await site.settle(replica.stop()); // as SIGTERM: then the process is gone
      site.crash(node);
      for (const client of clients) client.forget();
    }
    clients[random.below(3)]?.next(node, `pi-${seed}-${round}`);
    await site.run(milliseconds(random.below(300)));
  }
  site.cut.clear();
  await site.run(seconds(4));
  Object.assign(site.faults, { loss: 0, repeat: 0, delayMax: milliseconds(2) });
  for (const node of site.replicas) if (node.replica === undefined) await site.start(node);
  const leader = await site.untilLeader();
  await site.run(seconds(10));
  const { replica } = site.leader() ?? leader;
  const present = new Set(replica?.state.configuration.devices.keys());
  const missing = clients.flatMap(({ acknowledged }) => acknowledged).filter((name) => !present.has(name as never));
  expect(missing, `seed ${seed}: acknowledged and lost`).toEqual([]);
  const applied = site.replicas.map((node) => [node.key, node.replica?.appliedIndex, node.replica?.state.digest()]);
  const expected = site.replicas.map((node) => [node.key, replica?.appliedIndex, replica?.state.digest()]);
  expect(applied, `seed ${seed}: not all hold the same`).toEqual(expected);
  let newest = 0;
  site.entryTimes.forEach((time, index) => {
    expect(time, `seed ${seed}: site time falls at entry ${index}`).toBeGreaterThanOrEqual(newest);
    newest = time;
  });
  expect(site.replicas.flatMap(({ diverged, failures }) => [...diverged, ...failures])).toEqual([]);
  return {
    acknowledged: clients.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0),
    snapshots: site.replicas.filter((node) => (node.replica?.status().start ?? 0) > 0).length,
  };
}

it(`what was acknowledged is kept by all, whatever happens (${seeds} seeds from ${first})`, async () => {
  let acknowledged = 0;
  let snapshots = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    const result = await live(seed);
    acknowledged += result.acknowledged;
    snapshots += result.snapshots;
  }
  expect(acknowledged).toBeGreaterThan(seeds * 5);
  expect(snapshots).toBeGreaterThan(seeds);
}, 120_000);
