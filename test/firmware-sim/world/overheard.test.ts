import { expect, it } from "vitest";
import { SimulatedDisk } from "../../../firmware-sim/disk/simulated-disk.ts";
import { SimulatedNetwork } from "../../../firmware-sim/network.ts";
import { SeededRandom } from "../../../firmware-sim/seeded-random.ts";
import { VirtualTime } from "../../../firmware-sim/virtual-clock.ts";
import { overheardData } from "../../../firmware-sim/world/overheard-data.ts";
import { overheard } from "../../../firmware-sim/world/overheard-links.ts";
import { type DeviceId, type Incarnation, type Member, memberKey } from "../../../src/base/ids.ts";
import type { MqttLink } from "../../../src/base/ports/mqtt-link.ts";
import { milliseconds, seconds } from "../../../src/base/units.ts";
import { publishedAuthenticator } from "../../../src/mqtt/authenticator.ts";
import { encodeFrame } from "../../../src/mqtt/frame.ts";
import { encodeMessage, messageKinds, type SiteMessage } from "../../../src/mqtt/messages.ts";
import { append, voteReply } from "./checkers/story.ts";

const member = (name: string, digit: string): Member => ({
  device: name as DeviceId,
  incarnation: digit.repeat(32) as Incarnation,
});
const [from, to] = [member("pi-1", "1"), member("pi-2", "2")];
const siteUrl = "mqtt://broker:1883";
const cloudUrl = "mqtt://cloud:1883";

async function settled<T>(time: VirtualTime, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const watched = promise.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    time.run(milliseconds(1));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return await watched;
}

it("tells of a record when its sync returns, before the agent hears of it, and never of one that a power cut took", async () => {
  const time = new VirtualTime();
  const disk = new SimulatedDisk(time, new SeededRandom(1));
  const told: string[] = [];
  const data = overheardData(await settled(time, disk.openDataDirectory()), {
    synced: (log, position, payload) => told.push(`${log} ${position} ${Buffer.from(payload).toString()}`),
    recovered: () => undefined,
  });
  expect(data.identity.session).toBe(1);
  const options = {
    segmentBytes: 65_536,
    segmentsAhead: 1,
    capacityBytes: 1_000_000,
    whenDiskIsFull: "fatal" as const,
    describe: () => new Uint8Array(0),
  };
  const { log } = await settled(
    time,
    data.logFiles.open("raft", options, () => undefined),
  );
  log.append(Buffer.from("kept"), () => told.push("the agent heard"));
  expect(told).toEqual([]);
  time.run(seconds(1));
  expect(told).toEqual(["raft 1 kept", "the agent heard"]);
  log.append(Buffer.from("lost"), () => told.push("never"));
  disk.crash();
  time.run(seconds(1));
  expect(told).toHaveLength(2);
});

function linksOf(told: unknown[]) {
  const time = new VirtualTime();
  const network = new SimulatedNetwork(time, new SeededRandom(1));
  for (const url of [siteUrl, cloudUrl]) network.addBroker(url);
  const links = overheard(network.device("pi-1"), cloudUrl, {
    said: (speaker, message, hearer) => told.push([speaker, message, hearer]),
    published: () => told.push("published"),
  });
  const open = (url: string): MqttLink =>
    links.open(
      { url, clientId: url, keepAlive: seconds(10), subscriptions: [], maxPendingBytes: 100_000 },
      { up: () => undefined, down: () => undefined, message: () => undefined },
    );
  return { time, open };
}

function say(link: MqttLink, message: SiteMessage, hearer: Member | undefined): void {
  const { number: kind } = messageKinds[message.kind];
  const head = { kind, generation: undefined, from, to: hearer, session: 1, start: 1, sequence: 1 };
  const payload = encodeFrame(head, encodeMessage(message), publishedAuthenticator) ?? new Uint8Array(0);
  link.publish({ topic: "skein/1/test/log/pi-1", payload, qos: 0, retain: false });
}

it("tells what Raft says on a link that is up, from whom and to whom", () => {
  const told: unknown[] = [];
  const { time, open } = linksOf(told);
  const link = open(siteUrl);
  say(link, voteReply(1), to);
  expect(told).toEqual([]);
  time.run(seconds(1));
  say(link, voteReply(1), to);
  say(link, append(1), undefined);
  expect(told).toEqual([
    [memberKey(from), voteReply(1), memberKey(to)],
    [memberKey(from), append(1), undefined],
  ]);
});

it("tells nothing of what is not Raft's, or no frame at all", () => {
  const told: unknown[] = [];
  const { time, open } = linksOf(told);
  const link = open(siteUrl);
  time.run(seconds(1));
  say(link, { kind: "join-refused", reason: "id-in-use", detail: "" }, to);
  link.publish({ topic: "skein/1/test/log/pi-1", payload: Buffer.from("garbage"), qos: 0, retain: false });
  expect(told).toEqual([]);
});

it("tells that something was published outside the site, and not what", () => {
  const told: unknown[] = [];
  const { time, open } = linksOf(told);
  const link = open(cloudUrl);
  time.run(seconds(1));
  link.publish({ topic: "skein/1/test/aggregates/all", payload: Buffer.from("{}"), qos: 1, retain: true });
  expect(told).toEqual(["published"]);
});
