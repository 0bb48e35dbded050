// Several replicas in virtual time: simulated disks that forget what was not synced, and a bus that loses, repeats and delays.

import type { SimulatedDisk } from "../../firmware-sim/disk/simulated-disk.ts";
import { SimulatedDisk as Disk } from "../../firmware-sim/disk/simulated-disk.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { type MemberKey, siteId } from "../../src/base/ids.ts";
import type { Logger } from "../../src/base/ports/logger.ts";
import { type Duration, milliseconds, seconds } from "../../src/base/units.ts";
import type { RaftLimits, RaftMessage } from "../../src/raft/types.ts";
import type { ReplicaVoice } from "../../src/replica/contract.ts";
import { defaultRaftLimits, defaultTiming, newestTime, openReplica } from "../../src/replica/open-replica.ts";
import { Replica } from "../../src/replica/replica.ts";
import { SiteClock } from "../../src/replica/site-time.ts";

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

export interface BusFaults {
  loss: number;
  repeat: number;
  delayMax: Duration;
}

export class VirtualReplica {
  readonly key: MemberKey;
  disk: SimulatedDisk;
  replica: Replica | undefined;
  clock: VirtualClock | undefined;
  siteClock: SiteClock | undefined;
  readonly diverged: string[] = [];
  readonly failures: string[] = [];

  constructor(key: MemberKey, disk: SimulatedDisk) {
    this.key = key;
    this.disk = disk;
  }
}

export const smallSizes = {
  limits: { ...defaultRaftLimits, tailEntries: 4, tailBytes: 4096, snapshotChunkBytes: 2048 },
  checkpointBytes: 2048,
};

export class VirtualSite {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly replicas: VirtualReplica[] = [];
  readonly faults: BusFaults = { loss: 0, repeat: 0, delayMax: milliseconds(2) };
  /** Small enough that checkpoints, compaction and snapshots happen all the time where a test wants it. */
  sizes: { limits?: RaftLimits; checkpointBytes?: number } = {};
  /** Of each replica's wall clock; the usual one where absent. */
  wallOffsets: readonly number[] = [];
  /** Site time of each committed entry, by index. */
  readonly entryTimes: number[] = [];
  /** Pairs "from>to" that are cut. */
  readonly cut = new Set<string>();

  constructor(seed: number, count: number) {
    this.random = new SeededRandom(seed);
    for (let i = 1; i <= count; i++) {
      const key = `d${i}@${String(i).padStart(32, "0")}` as MemberKey;
      this.replicas.push(new VirtualReplica(key, new Disk(this.time, this.random.fork(`disk ${i}`))));
    }
  }

  at(index: number): VirtualReplica {
    const found = this.replicas[index];
    if (found === undefined) throw new Error(`there is no replica ${index}`);
    return found;
  }

  /** Runs virtual time until `promise` settles. Answers of simulated disks are events, so time must pass for them. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const watched = promise.finally(() => {
      isSettled = true;
    });
    watched.catch(() => undefined);
    for (let i = 0; !isSettled && i < 10_000; i++) {
      this.time.run(milliseconds(1));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return watched;
  }

  /** Lets virtual time pass, with the promise continuations that it causes. */
  async run(span: Duration): Promise<void> {
    for (let passed = 0; passed < span; passed += 50) {
      this.time.run(milliseconds(Math.min(50, span - passed)));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  async start(node: VirtualReplica, founds = false): Promise<Replica> {
    const clock = new VirtualClock(this.time, this.wallOffsets[this.replicas.indexOf(node)]);
    const random = this.random.fork(`${node.key} ${this.time.now}`);
    node.clock = clock;
    const { logFiles } = node.disk;
    const storage = node.disk.openStorage();
    const opened = await this.settle(
      openReplica(
        { clock, random, logFiles, storage },
        { self: node.key, founds, hasPast: false, timing: defaultTiming, ...this.sizes },
      ),
    );
    if (opened.kind !== "opened") throw new Error(opened.why);
    const siteClock = new SiteClock(clock, newestTime(opened.parts), opened.parts.state.time);
    node.siteClock = siteClock;
    const { state } = opened.parts;
    const apply = state.apply.bind(state);
    state.apply = (entry) => {
      this.entryTimes[entry.index] = entry.siteTime;
      return apply(entry);
    };
    const replica = new Replica(
      { clock, random, logger: silentLogger, storage, siteClock },
      opened.parts,
      this.#voiceOf(node),
      {
        role: () => undefined,
        applied: () => undefined,
        replaced: () => undefined,
        contradicted: (from, detail) => node.diverged.push(`${from} ${detail}`),
        diverged: (detail) => node.diverged.push(detail),
        failed: (failure) => node.failures.push(failure.message),
      },
    );
    node.replica = replica;
    replica.start();
    return replica;
  }

  /** A power cut. */
  crash(node: VirtualReplica): void {
    node.clock?.stop();
    node.replica = undefined;
    node.disk = node.disk.crash();
  }

  leader(): VirtualReplica | undefined {
    return this.replicas.find(({ replica }) => replica?.isLeader === true && replica.status().hasAuthority);
  }

  async untilLeader(within = seconds(30)): Promise<VirtualReplica> {
    for (let passed = 0; passed < within; passed += 100) {
      const leader = this.leader();
      if (leader !== undefined) return leader;
      await this.run(milliseconds(100));
    }
    throw new Error("no leader came");
  }

  /** A founded site with everyone a voter. */
  async found(): Promise<VirtualReplica> {
    for (const node of this.replicas) await this.start(node, node === this.at(0));
    const leader = await this.untilLeader();
    leader.replica?.propose(
      { kind: "found", site: siteId("test"), generation: { number: 1, nonce: "0".repeat(32) } },
      () => undefined,
    );
    await this.run(seconds(1));
    leader.replica?.changeVoters(
      this.replicas.map(({ key }) => key),
      () => undefined,
    );
    await this.run(seconds(3));
    return leader;
  }

  #voiceOf(from: VirtualReplica): ReplicaVoice {
    const sender = from.clock;
    const post = (to: VirtualReplica, broadcast: boolean, deliver: (replica: Replica) => void): void => {
      if (to === from || this.cut.has(`${from.key}>${to.key}`)) return;
      const times = this.random.fraction() < this.faults.loss ? 0 : this.random.fraction() < this.faults.repeat ? 2 : 1;
      for (let i = 0; i < times; i++) {
        this.time.schedule(
          milliseconds(this.random.fraction() * this.faults.delayMax),
          broadcast ? "broadcast" : "unicast",
          () => {
            if (to.replica !== undefined) deliver(to.replica);
          },
        );
      }
    };
    const unicast = (key: MemberKey, deliver: (replica: Replica) => void): void => {
      const to = this.replicas.find((node) => node.key === key);
      if (to !== undefined && from.clock === sender) post(to, false, deliver);
    };
    const copy = (message: RaftMessage): RaftMessage => structuredClone(message);
    return {
      broadcast: (message) => {
        for (const to of this.replicas) post(to, true, (replica) => replica.received(from.key, true, copy(message)));
      },
      send: (to, message) => unicast(to, (replica) => replica.received(from.key, false, copy(message))),
      forward: (to, client, command) => unicast(to, (replica) => replica.receivedProposal(from.key, client, command)),
      answer: (to, client, result) => unicast(to, (replica) => replica.receivedAnswer(client, result)),
    };
  }
}
