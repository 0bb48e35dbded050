// 100,000 mutations of valid frames of every kind, authenticated again so that the decoders are reached: nothing throws,
// nothing takes long, and every reason to drop a frame is met.

import { expect, it } from "vitest";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { tryDecode } from "../../src/base/cbor.ts";
import { authenticationBytes, publishedAuthenticator } from "../../src/mqtt/authenticator.ts";
import type { DropReason } from "../../src/mqtt/frame.ts";
import { FrameReader } from "../../src/mqtt/frame-reader.ts";
import { FrameWriter } from "../../src/mqtt/frame-writer.ts";
import { type MessageKind, messageKinds, type SiteMessage } from "../../src/mqtt/messages.ts";
import { type Topic, Topics } from "../../src/mqtt/topics.ts";
import { Traffic } from "../../src/mqtt/traffic.ts";
import { mutateBytes, mutateTree, writeCbor } from "./mutations.ts";
import { allSamples } from "./samples.ts";
import { firstGeneration, memberNamed, site } from "./site-of-devices.ts";

const mutations = 100_000;
const slowestMs = 20;

const [speaker, hearer] = [memberNamed("a"), memberNamed("b", 2)];
const topics = new Topics(site);
const common = { generation: () => firstGeneration, authenticator: publishedAuthenticator };

function topicOf(message: SiteMessage): Topic {
  const [from, to] = [speaker.device, hearer.device];
  switch (messageKinds[message.kind].channel) {
    case "raft":
      return message.kind === "append" ? { kind: "log", from } : { kind: "to", device: to, from };
    case "data":
      return { kind: "data", device: to, from };
    case "ask":
      return { kind: "ask", device: to, client: from };
    case "answer":
      return { kind: "answer", client: to, device: from };
    case "presence":
      return { kind: "presence", device: from };
  }
}

const writer = new FrameWriter({ ...common, self: speaker, session: 3, start: 3 });
const recorded = allSamples.map((message) => {
  const topic = topicOf(message);
  const isForAll = topic.kind === "log" || topic.kind === "presence";
  const [frame] = writer.write(message, isForAll ? undefined : hearer);
  if (frame === undefined) throw new Error("a sample fits a frame");
  const bodyAt = 75 + speaker.device.length + (isForAll ? 0 : hearer.device.length);
  return {
    topic: topics.build(topic),
    head: Buffer.from(frame.bytes.subarray(0, bodyAt)),
    body: Buffer.from(frame.bytes.subarray(bodyAt, frame.bytes.length - authenticationBytes)),
  };
});

it("survives 100,000 mutations of frames of every kind, none of which holds the loop for 20 ms", () => {
  const random = new SeededRandom(20_261_120);
  const traffic = new Traffic();
  const generations = new Set<string>();
  const reader = new FrameReader({
    ...common,
    topics,
    self: hearer,
    session: 1,
    start: 1,
    traffic,
    heardOwnName: () => undefined,
    heardGeneration: ({ generation }) => generations.add(generation.nonce),
  });
  let slowest = 0;

  const hear = (topic: string, payload: Uint8Array, retain: boolean): void => {
    const time = () => {
      const before = performance.now();
      reader.read({ topic, payload, retain });
      return performance.now() - before;
    };
    let taken = time();
    // A pause of the machine is not the frame's fault, and does not come back.
    if (taken > slowestMs) taken = Math.min(time(), time(), time());
    slowest = Math.max(slowest, taken);
  };

  for (let i = 0; i < mutations; i++) {
    const sample = recorded[i % recorded.length];
    if (sample === undefined) throw new Error("there are samples");
    let { topic, head, body } = sample;
    const way = random.below(20);
    if (way < 8) {
      const decoded = tryDecode(body);
      if (decoded.kind === "value") body = Buffer.from(writeCbor(mutateTree(decoded.value, random)));
    } else if (way < 15) body = Buffer.from(mutateBytes(body, random));
    else if (way < 18) head = Buffer.from(mutateBytes(head, random));
    else if (way < 19) topic = Buffer.from(mutateBytes(Buffer.from(topic), random)).toString();
    const content = Buffer.concat([head, body]);
    const authentication = publishedAuthenticator.sign(speaker, hearer, content);
    const isForged = random.below(50) === 0;
    const payload = Buffer.concat([content, isForged ? Buffer.alloc(authenticationBytes) : authentication]);
    hear(topic, payload, random.below(100) === 0);
  }

  const { received, malformed, dropped } = traffic.report();
  const kinds = (Object.keys(messageKinds) as MessageKind[]).sort();
  expect(Object.keys(received).sort()).toEqual(kinds);
  expect(Object.keys(malformed).sort()).toEqual(kinds);
  const reasons: Record<DropReason, true> = {
    "too-large": true,
    "too-short": true,
    "other-version": true,
    "malformed-head": true,
    "wrong-topic": true,
    "other-sender": true,
    "own-name": true,
    retained: true,
    "other-receiver": true,
    "other-generation": true,
    "not-authentic": true,
    "unknown-kind": true,
    "malformed-body": true,
  };
  // One mutation in 100,000 is not enough to make a frame speak under the hearer's own name.
  hear(topics.build({ kind: "to", device: hearer.device, from: hearer.device }), ownName(), false);
  expect(Object.keys(traffic.report().dropped).sort()).toEqual(Object.keys(reasons).sort());
  expect(generations.size).toBeGreaterThan(0);
  expect(dropped["malformed-body"]).toBeGreaterThan(mutations / 2);
  expect(slowest).toBeLessThan(slowestMs);
}, 60_000);

/** A frame by another session of the hearer. */
function ownName(): Uint8Array {
  const other = new FrameWriter({ ...common, self: hearer, session: 9, start: 9 });
  const [frame] = other.write(allSamples[0] as SiteMessage, hearer);
  return frame?.bytes ?? new Uint8Array(0);
}
