// Looking around before somebody is declared lost: who is heard, on which broker, and how far their logs reach.

import { expect, it } from "vitest";
import { VirtualClock } from "../../firmware-sim/virtual-clock.ts";
import { readRecoveryReport } from "../../src/agent/recovery-report.ts";
import { lookAround, type Surroundings } from "../../src/agent/recovery-watch.ts";
import { deviceId, siteId } from "../../src/base/ids.ts";
import { seconds } from "../../src/base/units.ts";
import { brokerUrl, VirtualAgents } from "./virtual-agents.ts";

const awayUrl = "mqtt://away:1883";

function look(agents: VirtualAgents, self: string): Promise<Surroundings> {
  const ports = {
    clock: new VirtualClock(agents.time),
    random: agents.random.fork("recover"),
    links: agents.network.device("recover"),
  };
  const brokers = [{ url: brokerUrl }, { url: awayUrl }];
  const options = { site: siteId("test"), self: deviceId(self), brokers, listenFor: seconds(15) };
  return agents.settle(lookAround(ports, options));
}

it("hears who is there, asks how far they are, and says which broker did not answer (3 devices, the coordinator lost)", async () => {
  const agents = new VirtualAgents(60, 3);
  await agents.found();
  await agents.until("3 voters", () => agents.leader()?.status.voters.length === 3, seconds(60));
  const lost = agents.leader();
  const [self, other] = agents.devices.filter((device) => device !== lost);
  if (lost === undefined || self === undefined || other === undefined) throw new Error("there are three");

  const before = await look(agents, self.name);
  expect([...before.seen.keys()].sort()).toEqual([lost.name, other.name].sort());
  expect(before.seen.get(deviceId(other.name))?.report).toMatchObject({ generation: 1, leader: lost.name });
  expect(before.brokers.map(({ url, isUp }) => [url, isUp])).toEqual([
    [brokerUrl, true],
    [awayUrl, false],
  ]);

  agents.crash(lost);
  agents.crash(self);
  await agents.run(seconds(20));
  const after = await look(agents, self.name);
  expect([...after.seen.keys()]).toEqual([other.name]);
  const { commit } = other.status;
  const { report, on } = after.seen.get(deviceId(other.name)) ?? {};
  expect(report).toMatchObject({ leader: null });
  expect(report?.index).toBeGreaterThanOrEqual(commit);
  expect([...(on ?? [])]).toEqual([brokerUrl]);
});

it("an answer that is none of this version, or whose time no date can show, is no answer", () => {
  const report = { generation: 1, index: 5, term: 2, siteTime: 1_775_001_600_000, leader: null };
  expect(readRecoveryReport(report)).toEqual(report);
  for (const siteTime of [1e16, -1, 0.5, Number.NaN, "now", null]) {
    expect(readRecoveryReport({ ...report, siteTime })).toBeUndefined();
  }
  expect(readRecoveryReport({ ...report, leader: "No Name" })).toBeUndefined();
  expect(readRecoveryReport("none")).toBeUndefined();
});
