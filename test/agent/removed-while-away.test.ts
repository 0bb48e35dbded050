// Seed 1009 of the world: a coordinator was cut off, and a copy of its card took its place meanwhile. Back again, it followed and
// asked for what it had missed; nobody answers a removed member. So it never saw that it was one, sampled on, and was never counted.

import { expect, it } from "vitest";
import { seconds } from "../../src/base/units.ts";
import { brokerUrl, VirtualAgents } from "./virtual-agents.ts";

it("a device that was removed while it was cut off learns it when it is back, and says what to do (4 devices)", async () => {
  const agents = new VirtualAgents(21, 4);
  await agents.found();
  await agents.until("3 vote", () => agents.leader()?.status.voters.length === 3, seconds(30));
  const removed = agents.devices.find(({ name, status }) => status.isVoter && name !== agents.leader()?.name);
  if (removed === undefined) throw new Error("nobody else votes");
  agents.network.cut(removed.host, brokerUrl);
  await agents.run(seconds(20));
  const leader = agents.leader();
  const argument = { device: removed.name, session: "ab".repeat(16), serial: 1 };
  await agents.ask("members.remove", argument, leader?.name);
  await agents.until("it is removed", () => leader?.status.members.length === 3, seconds(60));
  agents.network.heal(removed.host, brokerUrl);
  const said = `${removed.name} was removed from the site; restart it if it should join again`;
  await agents.until("it knows", () => removed.status.problems.some((problem) => problem.includes(said)), seconds(30));
  expect(removed.status.why).toBe(said);
  await agents.stop(removed);
  await agents.start(removed, false);
  await agents.until("it is a member again", () => agents.leader()?.status.members.length === 4, seconds(30));
});
