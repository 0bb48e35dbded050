import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../firmware-sim/disk/simulated-disk.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { logIndex, seconds, siteTime, term } from "../../src/base/units.ts";
import type { Entry } from "../../src/raft/types.ts";
import { CheckpointKeeper } from "../../src/replica/checkpoint-keeper.ts";
import { Checkpoints } from "../../src/replica/checkpoints.ts";
import { WaitingProposals } from "../../src/replica/waiting-proposals.ts";
import { WaitingReads } from "../../src/replica/waiting-reads.ts";
import type { Command } from "../../src/site/types.ts";

const done = { kind: "done", index: logIndex(7) } as const;

describe("proposals on their way", () => {
  function waiting(): { waiting: WaitingProposals; told: string[]; add: () => number } {
    const told: string[] = [];
    const proposals = new WaitingProposals();
    return { waiting: proposals, told, add: () => proposals.add(({ kind }) => void told.push(kind)) };
  }

  it("learn their outcome when their index is applied in their term; in another term they were replaced", () => {
    const { waiting: proposals, told, add } = waiting();
    proposals.appended({ kind: "proposed", context: add(), index: logIndex(7), term: term(2) });
    proposals.appended({ kind: "proposed", context: add(), index: logIndex(8), term: term(2) });
    proposals.applied(logIndex(7), term(2), done);
    proposals.applied(logIndex(8), term(3), done);
    proposals.applied(logIndex(8), term(2), done);
    expect(told).toEqual(["done", "not-leader"]);
    expect(proposals.count).toBe(0);
  });

  it("that were refused never happened, and say whether to try again elsewhere", () => {
    const { waiting: proposals, told, add } = waiting();
    for (const reason of ["not-leader", "busy", "too-large", "configuration-pending"] as const) {
      proposals.refused({ kind: "proposal-refused", context: add(), reason, leader: undefined });
    }
    expect(told).toEqual(["not-leader", "busy", "refused", "busy"]);
    proposals.refused({ kind: "proposal-refused", context: 99, reason: "busy", leader: undefined });
    expect(told).toHaveLength(4);
  });

  it("are unknown when the leadership ends, once, also when somebody asks again from there", () => {
    const { waiting: proposals, told, add } = waiting();
    proposals.appended({ kind: "proposed", context: add(), index: logIndex(7), term: term(2) });
    proposals.add(() => add());
    proposals.abandon();
    expect(told).toEqual(["unknown"]);
    expect(proposals.count).toBe(1);
    proposals.applied(logIndex(7), term(2), done);
    expect(told).toEqual(["unknown"]);
  });
});

describe("reads on their way", () => {
  it("are answered once: by the core, by their time, or by the end", () => {
    const time = new VirtualTime();
    const reads = new WaitingReads(new VirtualClock(time));
    const told: string[] = [];
    const add = (name: string): number => reads.add(seconds(1), (isCurrent) => told.push(`${name} ${isCurrent}`));
    const first = add("a");
    reads.settle(first, true);
    reads.settle(first, false);
    add("b");
    time.run(seconds(2));
    add("c");
    reads.abandon();
    reads.abandon();
    expect(told).toEqual(["a true", "b false", "c false"]);
    expect(reads.count).toBe(0);
  });
});

describe("a checkpoint's marker", () => {
  const entry = (index: number, bytes: number): Entry => ({
    index: logIndex(index),
    term: term(1),
    siteTime: siteTime(0),
    kind: "command",
    command: new Uint8Array(bytes),
  });

  async function keeper(): Promise<{
    keeper: CheckpointKeeper;
    proposed: { command: Command; answer: (isAppended: boolean) => void }[];
    ask: () => void;
  }> {
    const time = new VirtualTime();
    const opening = Checkpoints.open(new SimulatedDisk(time, new SeededRandom(1)).openStorage());
    time.run(seconds(1));
    const { checkpoints } = await opening;
    const voters = { current: [`d1@${"0".repeat(32)}` as MemberKey] };
    const made = new CheckpointKeeper(
      checkpoints,
      { voters, checkpointBytes: 10_000 },
      {
        saved: () => undefined,
        diverged: () => undefined,
        postponed: () => undefined,
        failed: () => undefined,
      },
    );
    const proposed: { command: Command; answer: (isAppended: boolean) => void }[] = [];
    return {
      keeper: made,
      proposed,
      ask: () => made.proposeIfDue((command, answer) => void proposed.push({ command, answer })),
    };
  }

  it("is proposed once enough bytes were applied, and once only while it is on its way", async () => {
    const { keeper: made, proposed, ask } = await keeper();
    made.passed(entry(1, 5_000));
    ask();
    expect(proposed).toHaveLength(0);
    made.passed(entry(2, 5_000));
    ask();
    ask();
    expect(proposed.map(({ command }) => command.kind)).toEqual(["checkpoint"]);
  });

  it("is proposed again when the first was not appended (the coordinator was busy), and in a new term", async () => {
    const { keeper: made, proposed, ask } = await keeper();
    made.passed(entry(1, 20_000));
    ask();
    proposed[0]?.answer(false);
    ask();
    expect(proposed).toHaveLength(2);
    made.leadershipChanged();
    ask();
    expect(proposed).toHaveLength(3);
  });

  it("is due after so many entries too, however small they are", async () => {
    const { keeper: made, proposed, ask } = await keeper();
    for (let i = 1; i <= limits.checkpointLogEntries; i++) made.passed({ ...entry(i, 0), kind: "noop" });
    ask();
    expect(proposed).toHaveLength(1);
  });
});
