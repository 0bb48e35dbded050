import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../firmware-sim/disk/simulated-disk.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { logIndex, milliseconds, seconds, siteTime, term } from "../../src/base/units.ts";
import type { Entry, RaftMessage } from "../../src/raft/types.ts";
import { DurableSends } from "../../src/replica/durable-sends.ts";
import { RaftLog, type RecoveredRaft } from "../../src/replica/raft-log.ts";

const peer = `d2@${"0".repeat(32)}` as MemberKey;

function entry(index: number, inTerm = 1): Entry {
  return {
    index: logIndex(index),
    term: term(inTerm),
    siteTime: siteTime(0),
    kind: "command",
    command: Uint8Array.of(index),
  };
}

const acknowledgement = (match: number): RaftMessage => ({
  kind: "append-ack",
  term: term(1),
  beat: 1,
  match: logIndex(match),
});

class Bench {
  readonly time = new VirtualTime();
  disk = new SimulatedDisk(this.time, new SeededRandom(1));
  readonly did: string[] = [];

  async open(): Promise<{ log: RaftLog; recovered: RecoveredRaft }> {
    const opening = RaftLog.open(this.disk.logFiles, [peer]);
    this.time.run(seconds(1));
    return opening;
  }

  async sends(): Promise<DurableSends> {
    const { log } = await this.open();
    return this.over(log);
  }

  over(log: RaftLog): DurableSends {
    return new DurableSends(new VirtualClock(this.time), log, {
      send: (to, message) =>
        this.did.push(
          `send ${message.kind === "append-ack" ? message.match : message.kind} ${to ?? "all"}`.slice(0, 9),
        ),
      persisted: (token) => this.did.push(`persisted ${token}`),
      failed: (failure) => this.did.push(`failed ${failure.code}`),
    });
  }
}

const persist = (token: number, entries: Entry[], urgent = true) =>
  ({ kind: "persist", token, entries, urgent }) as const;

describe("sends that wait for the disk", () => {
  it("leave after the write that they promise, in the order of writing; the others at once", async () => {
    const bench = new Bench();
    const sends = await bench.sends();
    sends.persist(persist(1, [entry(1)]));
    sends.send(peer, acknowledgement(1), 1);
    sends.persist(persist(2, [entry(2)]));
    sends.send(peer, acknowledgement(2), 2);
    sends.send(peer, acknowledgement(0), undefined);
    expect(bench.did).toEqual(["send 0 d2"]);
    bench.time.run(seconds(1));
    expect(bench.did).toEqual(["send 0 d2", "send 1 d2", "persisted 1", "send 2 d2", "persisted 2"]);
  });

  it("a learner's writes go down together after 2 s (3 appends, one sync)", async () => {
    const bench = new Bench();
    const { log } = await bench.open();
    const sends = bench.over(log);
    for (let i = 1; i <= 3; i++) sends.persist(persist(i, [entry(i)], false));
    bench.time.run(seconds(1.9));
    expect(bench.did).toEqual([]);
    bench.time.run(seconds(1));
    expect(bench.did).toEqual(["persisted 1", "persisted 2", "persisted 3"]);
    expect(log.usage().syncs).toBe(2); // the segment, and one batch
  });

  it("what a learner gathered is down before its first acknowledgement as a voter", async () => {
    const bench = new Bench();
    const sends = await bench.sends();
    sends.persist(persist(1, [entry(1)], false));
    sends.persist(persist(2, [entry(2)], true));
    sends.send(peer, acknowledgement(2), 2);
    bench.time.run(milliseconds(20));
    expect(bench.did).toEqual(["persisted 1", "send 2 d2", "persisted 2"]);
    bench.disk = bench.disk.crash();
    expect((await bench.open()).recovered.entries.map(({ index }) => index)).toEqual([1, 2]);
  });

  it("a failed write is told once, and nothing that waited for it ever leaves", async () => {
    const bench = new Bench();
    const sends = await bench.sends();
    bench.disk.fail();
    for (let i = 1; i <= 3; i++) {
      sends.persist(persist(i, [entry(i)]));
      sends.send(peer, acknowledgement(i), i);
    }
    bench.time.run(seconds(5));
    expect(bench.did).toEqual(["failed disk-failed"]);
  });

  it("nothing leaves and nothing is told after a stop", async () => {
    const bench = new Bench();
    const sends = await bench.sends();
    sends.persist(persist(1, [entry(1)]));
    sends.send(peer, acknowledgement(1), 1);
    sends.stop();
    bench.time.run(seconds(5));
    expect(bench.did).toEqual([]);
  });

  it("what waits for a disk that hangs is bounded: the oldest messages are dropped", async () => {
    const bench = new Bench();
    const sends = await bench.sends();
    bench.disk.hang();
    for (let i = 1; i <= limits.waitingSends + 10; i++) {
      sends.persist(persist(i, []));
      sends.send(peer, acknowledgement(i), i);
    }
    bench.disk.resume();
    bench.time.run(seconds(5));
    expect(bench.did.filter((line) => line.startsWith("send"))).toHaveLength(limits.waitingSends);
    expect(bench.did).toContain("send 11 d");
  });

  it("a barrier comes after everything that was handed in before it, also what was only gathered", async () => {
    const bench = new Bench();
    const sends = await bench.sends();
    sends.persist(persist(1, [entry(1)], false));
    sends.whenSynced(() => bench.did.push("barrier"));
    sends.persist(persist(2, [entry(2)], false));
    bench.time.run(milliseconds(50));
    expect(bench.did).toEqual(["persisted 1", "barrier"]);
    bench.time.run(seconds(3));
    expect(bench.did.at(-1)).toBe("persisted 2");
  });

  it("entries that were gathered before they were replaced are not taken for committed (the replacement's write is lost)", async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const bench = new Bench();
      const { log } = await bench.open();
      const sends = bench.over(log);
      sends.persist(persist(1, [entry(1)]));
      bench.time.run(seconds(1));
      log.noteCommitted(logIndex(1));
      // Of a leader whose entries never were committed; large, so that the two writes are two batches.
      const stale = { ...entry(2), command: new Uint8Array(200_000) };
      sends.persist(persist(2, [stale], false));
      // The next leader's: already applied here, and so noted, when its write is handed over.
      log.noteCommitted(logIndex(2));
      const entries = [{ ...entry(2, 2), command: new Uint8Array(200_000) }];
      const hardState = { term: term(2), vote: undefined };
      sends.persist({ ...persist(3, entries), truncateAfter: logIndex(1), hardState });
      bench.time.run(milliseconds(seed / 10));
      bench.disk = bench.disk.crash();
      const { entries: found, committed } = (await bench.open()).recovered;
      for (const { index, term: of } of found) if (index === 2 && of === 1) expect(committed).toBe(1);
    }
  });
});
