// A coordinator that dies is replaced as soon as the brokers say so; one that lives stays, whatever they say (DESIGN §4).

import { beforeEach, describe, expect, it, vi } from "vitest";
import { LastWills } from "../../src/agent/last-wills.ts";
import { deviceId, type MemberKey } from "../../src/base/ids.ts";
import type { MqttLink } from "../../src/base/ports/mqtt-link.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { publishedAuthenticator } from "../../src/mqtt/authenticator.ts";
import { decodeFrame, encodeFrame } from "../../src/mqtt/frame.ts";
import { decodeMessage, encodeMessage } from "../../src/mqtt/messages.ts";
import { brokerUrl, leaderOf, VirtualAgents } from "./virtual-agents.ts";

vi.setConfig({ testTimeout: 60_000 });

const otherUrl = "mqtt://other:1883";

async function site(seed: number, brokers: readonly string[] = [brokerUrl]): Promise<VirtualAgents> {
  const agents = new VirtualAgents(seed, 5);
  for (const url of brokers) {
    if (agents.brokers.includes(url)) continue;
    agents.brokers.push(url);
    agents.network.addBroker(url);
  }
  await agents.found();
  await agents.until("5 vote", () => agents.leader()?.status.voters.length === 5, seconds(30));
  await agents.run(seconds(5));
  return agents;
}

const believed = (agents: VirtualAgents): number[] =>
  agents.devices.flatMap(({ agent }) => (agent === undefined ? [] : [agent.status().lastWills.believed]));

/** How long nobody leads, in ms. */
async function failover(agents: VirtualAgents): Promise<number> {
  const before = agents.time.now;
  agents.crash(leaderOf(agents));
  while (agents.leader() === undefined && agents.time.now - before < 10_000) await agents.run(milliseconds(20));
  return agents.time.now - before;
}

/** Somebody who has the site's key, and speaks at one broker in another's name. */
class Liar {
  readonly #link: MqttLink;
  #heard: Uint8Array | undefined;

  constructor(agents: VirtualAgents, device: string, url: string) {
    const options = { url, clientId: "liar", keepAlive: seconds(30), maxPendingBytes: 1_000_000 };
    this.#link = agents.network.device("liar").open(
      { ...options, subscriptions: [{ filter: `skein/1/test/presence/${device}`, qos: 1 }] },
      {
        up: () => undefined,
        down: () => undefined,
        message: ({ payload }) => {
          this.#heard ??= payload;
        },
      },
    );
  }

  /** The will of the connection that was heard of, or of an earlier one or an earlier session. */
  say({ session = 0, connection = 0 } = {}): void {
    const frame = decodeFrame(this.#heard ?? new Uint8Array(0), publishedAuthenticator, () => undefined);
    if (frame.kind === "dropped") throw new Error(`heard no presence: ${frame.why}`);
    const presence = decodeMessage("presence", frame.body);
    if (presence?.kind !== "presence") throw new Error("heard no presence");
    const will = { ...presence, isHere: false, connection: presence.connection + connection };
    const head = { ...frame.head, session: frame.head.session + session };
    const payload = encodeFrame(head, encodeMessage(will), publishedAuthenticator) ?? new Uint8Array(0);
    this.#link.publish({ topic: `skein/1/test/presence/${frame.head.from.device}`, payload, qos: 1, retain: true });
  }
}

describe("a coordinator that loses its power", () => {
  it.each([1, 2, 3])("is replaced long before its silence would be noticed (5 voters, seed %i)", async (seed) => {
    const agents = await site(seed);
    expect(await failover(agents)).toBeLessThan(500);
    expect(leaderOf(agents).status.why).toMatch(/left all brokers$/);
    expect(believed(agents)).toEqual([1, 1, 1, 1]);
    await agents.run(seconds(5));
    expect(agents.devices.map(({ agent }) => agent?.status().lastWills.refuted ?? 0)).toEqual([0, 0, 0, 0, 0]);
  });

  it("is replaced so once it has left both of two brokers", async () => {
    const agents = await site(4, [brokerUrl, otherUrl]);
    expect(await failover(agents)).toBeLessThan(500);
  });

  it("is replaced after the election timeout where a broker hangs, and says nothing of it", async () => {
    const agents = await site(5, [brokerUrl, otherUrl]);
    agents.network.broker(otherUrl).hang();
    expect(await failover(agents)).toBeGreaterThan(1_000);
    expect(believed(agents)).toEqual([0, 0, 0, 0]);
  });
});

describe("a coordinator that lives", () => {
  const stays = async (agents: VirtualAgents, what: () => void): Promise<void> => {
    const { device, term } = leaderOf(agents).status;
    what();
    await agents.run(seconds(5));
    expect(leaderOf(agents).status).toMatchObject({ device, term });
  };

  it("stays when it loses one of two brokers", async () => {
    const agents = await site(6, [brokerUrl, otherUrl]);
    await stays(agents, () => agents.network.broker(brokerUrl).reset(leaderOf(agents).host));
    expect(believed(agents)).toEqual([0, 0, 0, 0, 0]);
  });

  it("stays when somebody publishes its will, because it speaks up at once", async () => {
    const agents = await site(7);
    const liar = new Liar(agents, leaderOf(agents).name, brokerUrl);
    await agents.run(seconds(1));
    await stays(agents, () => liar.say());
    expect(Math.max(...believed(agents))).toBe(1);
    const refuted = agents.devices.map(({ status }) => status.lastWills.refuted);
    expect(refuted).toEqual(believed(agents));
  });

  it.each([
    ["an earlier session", { session: -1 }],
    ["an earlier connection", { connection: -1 }],
  ])("is not even doubted for a will of %s, late or published by somebody", async (_, earlier) => {
    const agents = await site(8);
    const { name } = leaderOf(agents);
    agents.network.broker(brokerUrl).reset(name);
    await agents.run(seconds(10));
    const leader = leaderOf(agents);
    const before = believed(agents);
    const liar = new Liar(agents, leader.name, brokerUrl);
    await agents.run(seconds(1));
    await stays(agents, () => liar.say(earlier));
    expect(believed(agents)).toEqual(before);
  });

  it("that reconnects after a reset costs at most one election, and nothing that was acknowledged", async () => {
    const agents = await site(9);
    const { term } = leaderOf(agents).status;
    for (let i = 0; i < 10; i++) {
      agents.network.broker(brokerUrl).reset(leaderOf(agents).host);
      await agents.run(seconds(3));
    }
    expect(leaderOf(agents).status.term - term).toBeLessThanOrEqual(10);
    await agents.untilAllCounted();
  });
});

describe("LastWills", () => {
  const key = (name: string): MemberKey => `${name}@${"0".repeat(32)}` as MemberKey;
  const presence = (name: string) => ({
    device: deviceId(name),
    incarnation: "0".repeat(32) as never,
    session: 4,
    connection: 1,
    isHere: false,
    wasHere: true,
  });
  let told: MemberKey[];
  const site = {
    leader: key("pi-2") as MemberKey | undefined,
    session: 4 as number | undefined,
    isGone: true,
    isOpen: true,
  };
  let wills: LastWills;
  beforeEach(() => {
    told = [];
    Object.assign(site, { leader: key("pi-2"), session: 4, isGone: true, isOpen: true });
    wills = new LastWills({
      self: key("pi-1"),
      leader: () => site.leader,
      sessionOf: () => site.session,
      hasLeft: (_, session) => site.isGone && session === 4,
      believed: (leader) => told.push(leader),
      isTakenForGone: () => site.isOpen,
    });
  });

  it("are believed once, however often they come", () => {
    for (let i = 0; i < 5; i++) wills.look(presence("pi-2"));
    expect(told).toEqual([key("pi-2")]);
    expect(wills.report()).toEqual({ believed: 1, refuted: 0 });
  });

  it.each([
    ["of somebody else", () => presence("pi-3"), {}],
    ["while it is present somewhere", () => presence("pi-2"), { isGone: false }],
    ["of another session than it was heard in", () => presence("pi-2"), { session: 5 }],
    ["of one that was never heard", () => presence("pi-2"), { session: undefined }],
    ["while nobody leads", () => presence("pi-2"), { leader: undefined }],
    ["while this device leads itself", () => presence("pi-1"), { leader: key("pi-1") }],
  ])("are not believed %s", (_, changed, how) => {
    Object.assign(site, how);
    wills.look(changed());
    expect(told).toEqual([]);
  });

  it("are looked at again when an own connection goes: the broker that still showed it may be lost", () => {
    wills.look(undefined);
    expect(told).toHaveLength(1);
  });

  it("are refuted by the leader's voice alone, not by what it said before, and can be believed again then", () => {
    wills.look(presence("pi-2"));
    wills.followed(key("pi-2"));
    expect(wills.report().refuted).toBe(0);
    site.isOpen = false;
    wills.followed(key("pi-2"));
    expect(wills.report().refuted).toBe(1);
    wills.look(presence("pi-2"));
    expect(wills.report()).toEqual({ believed: 2, refuted: 1 });
  });

  it("are not refuted by another leader", () => {
    wills.look(presence("pi-2"));
    wills.followed(undefined);
    wills.followed(key("pi-3"));
    site.isOpen = false;
    wills.followed(key("pi-2"));
    expect(wills.report()).toEqual({ believed: 1, refuted: 0 });
  });
});
