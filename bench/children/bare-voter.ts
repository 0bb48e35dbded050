// The floor of a commit: publish 200 bytes, write and sync them at every voter, count a majority. No Raft, no encoding, no
// checksum; the same client library, the same kind of file, TCP_NODELAY at both ends.

import { fdatasync, openSync, write } from "node:fs";
import { open } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { MqttClient } from "mqtt";
import { assert } from "../../src/base/errors.ts";
import { durableWriteFlags, isWriteDurable } from "../../src/host/disk-access.ts";
import { serve } from "../support/child-process.ts";
import { processUsage } from "../support/process-usage.ts";

interface BareVoterOptions {
  readonly brokerUrl: string;
  readonly directory: string;
  readonly name: string;
  readonly voters: number;
  readonly leads: boolean;
}

const payloadBytes = 200;
const blockBytes = 4_096;
/** As many as a segment of the Raft log has; written with zeros before, and used again and again. */
const blocks = 256;

/** The file's content, so that each write has bytes of its own. */
const image = Buffer.alloc(blocks * blockBytes);
let [descriptor, next] = [-1, 0];
let client: MqttClient | undefined;
let majority = 0;

/** The commit that is under way, at the leader. */
let round = 0;
let synced = 0;
let committed: (() => void) | undefined;

function counted(number: number): void {
  if (number !== round) return;
  synced += 1;
  if (synced < majority) return;
  const done = committed;
  committed = undefined;
  done?.();
}

function store(payload: Buffer, done: () => void): void {
  const at = next * blockBytes;
  next = (next + 1) % blocks;
  payload.copy(image, at);
  const end = (failure: Error | null): void => {
    if (failure !== null) throw failure;
    done();
  };
  write(descriptor, image, at, blockBytes, at, (failure) => {
    if (failure !== null || isWriteDurable) end(failure);
    else fdatasync(descriptor, end);
  });
}

function commit(payload: Buffer): Promise<void> {
  return new Promise((resolve) => {
    round += 1;
    synced = 0;
    committed = resolve;
    payload.writeUIntBE(round, 0, 6);
    client?.publish("bare/log", payload, { qos: 0 });
    const number = round;
    store(payload, () => counted(number));
  });
}

const calls = {
  open: async (options: BareVoterOptions): Promise<void> => {
    const { brokerUrl, directory, name, leads, voters } = options;
    majority = Math.floor(voters / 2) + 1;
    const path = join(directory, `bare-${name}`);
    const filler = await open(path, "w");
    await filler.write(image);
    await filler.sync();
    await filler.close();
    descriptor = openSync(path, durableWriteFlags);
    const { hostname, port } = new URL(brokerUrl);
    const connected = new MqttClient(() => connectTcp({ host: hostname, port: Number(port), noDelay: true }), {
      clientId: `bare-${name}`,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      queueQoSZero: false,
    });
    client = connected;
    connected.on("message", (_topic, payload) => {
      if (leads) counted(payload.readUIntBE(0, 6));
      else {
        const acknowledgement = Buffer.from(payload.subarray(0, 8));
        store(payload, () => connected.publish("bare/to/leader", acknowledgement, { qos: 0 }));
      }
    });
    await new Promise<void>((resolve, reject) => {
      connected.once("error", reject);
      connected.once("connect", () => {
        connected.subscribe(leads ? "bare/to/leader" : "bare/log", { qos: 0 }, (error) =>
          error === null ? resolve() : reject(error),
        );
      });
    });
  },
  oneByOne: async (count: number): Promise<number[]> => {
    assert(client !== undefined, "a voter is opened first");
    const payload = Buffer.alloc(payloadBytes, 7);
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      await commit(payload);
      times.push(performance.now() - start);
    }
    return times;
  },
  usage: processUsage,
};

export type BareVoterCalls = typeof calls;
serve(calls);
