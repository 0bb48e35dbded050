import { describe, expect, it } from "vitest";
import { seconds } from "../../src/base/units.ts";
import { quality } from "../../src/readings/types.ts";
import { brokerUrl, VirtualAgents } from "./virtual-agents.ts";

/** A founded site, configured, that counts. */
async function site(seed: number, devices: number, sensorsEach = 2): Promise<VirtualAgents> {
  const agents = new VirtualAgents(seed, devices);
  for (const device of agents.devices) await agents.start(device);
  await agents.until(
    "all devices are members",
    () => agents.leader()?.agent?.status().members.length === devices,
    seconds(30),
  );
  await agents.configure(sensorsEach);
  return agents;
}

describe("a site in virtual time", () => {
  it("one founder and two joiners become three voters", async () => {
    const agents = await site(1, 3);
    await agents.until("3 voters", () => agents.leader()?.agent?.status().voters.length === 3, seconds(30));
  });

  it("every revision is in the history, the newest first, and can be shown as it was", async () => {
    const agents = await site(3, 1);
    const [{ revision: first } = {}] = await agents.ask("config.show", {});
    await agents.configure(3);
    const [{ revision: second } = {}] = await agents.ask("config.show", {});
    const [{ revisions = [] } = {}] = await agents.ask("config.history", {});
    expect((revisions as { revision: number }[]).map(({ revision }) => revision)).toEqual([second, first]);
    const [{ items = [] } = {}] = await agents.ask("config.show", { revision: first });
    const sensors = (items as { section: string }[]).filter(({ section }) => section === "sensors");
    expect(sensors).toHaveLength(2);
  });

  it("a device that starts alone, without broker and coordinator, samples by the configuration that was agreed", async () => {
    const agents = await site(4, 3);
    await agents.run(seconds(40));
    for (const device of agents.devices) agents.crash(device);
    agents.network.broker(brokerUrl).crash();
    const before = agents.totalSensed();
    await agents.start(agents.at(2));
    await agents.run(seconds(20));
    expect(agents.totalSensed()).toBeGreaterThan(before + 30);
    expect(agents.at(2).agent?.status()).toMatchObject({ leader: undefined, siteTime: undefined });
    agents.network.broker(brokerUrl).restart();
    await agents.start(agents.at(0));
    await agents.start(agents.at(1));
    await agents.run(seconds(30));
    agents.silenceSensors();
    await agents.run(seconds(5));
    const stored = async (): Promise<number> => {
      const all = await Promise.all(
        agents.devices.map(({ agent }) => agents.settle(agent?.storedReadings() ?? Promise.resolve([]))),
      );
      return all.flat().filter((reading) => (reading.quality & quality.missing) === 0).length;
    };
    const expected = await stored();
    await agents.until("everything stored is counted", () => agents.counted() === expected, seconds(120));
  });

  it("a disk that hangs for 5 s and a network that is silent for 1 s are no reason for an election (5 devices)", async () => {
    const agents = await site(5, 5, 1);
    await agents.until("5 voters", () => agents.leader()?.agent?.status().voters.length === 5, seconds(60));
    const term = agents.leader()?.agent?.status().term;
    for (const device of agents.devices) {
      device.disk.hang();
      await agents.run(seconds(5));
      device.disk.resume();
      await agents.run(seconds(1));
    }
    agents.network.setFaults({ loss: 1 });
    await agents.run(seconds(1));
    agents.network.setFaults({ loss: 0 });
    await agents.run(seconds(5));
    expect(agents.leader()?.agent?.status()).toMatchObject({ term, role: "leader" });
  });

  it("every reading counts once on the dashboard topic (5 devices, nothing fails)", async () => {
    const agents = await site(2, 5);
    await agents.run(seconds(60));
    agents.silenceSensors();
    await agents.until(
      "the dashboard has what was sensed",
      () => agents.counted() === agents.totalSensed(),
      seconds(60),
    );
    expect(agents.totalSensed()).toBeGreaterThan(5 * 2 * 50);
  });
});
