import { beforeEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import { logIndex, milliseconds, seconds } from "../../src/base/units.ts";
import { Submissions } from "../../src/replica/submissions.ts";
import type { ProposalResult } from "../../src/replica/waiting-proposals.ts";

const self = `d1@${"0".repeat(32)}` as MemberKey;
const other = `d2@${"0".repeat(32)}` as MemberKey;
const client = { session: "c".repeat(32), serial: 1 };
const done: ProposalResult = { kind: "done", index: logIndex(5) };

class Bench {
  readonly time = new VirtualTime();
  leader: MemberKey | undefined = other;
  readonly told: string[] = [];
  forwarded = 0;
  readonly proposed: ((result: ProposalResult) => void)[] = [];
  readonly submissions = new Submissions(
    { clock: new VirtualClock(this.time), random: new SeededRandom(1) },
    {
      leader: () => this.leader,
      isSelf: (member) => member === self,
      propose: (_command, tell) => this.proposed.push(tell),
      forward: () => {
        this.forwarded += 1;
      },
    },
  );

  submit(within = seconds(4), name = "a"): void {
    this.submissions.submit(client, new Uint8Array(1), within, ({ kind }) => this.told.push(`${name} ${kind}`));
  }
}

describe("a submission", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });

  it("is repeated about once a second until it is answered, and told once", () => {
    bench.submit();
    bench.time.run(seconds(3));
    expect(bench.forwarded).toBeGreaterThanOrEqual(2);
    expect(bench.forwarded).toBeLessThanOrEqual(6);
    bench.submissions.answered(client, done);
    bench.submissions.answered(client, done);
    bench.time.run(seconds(5));
    expect(bench.told).toEqual(["a done"]);
    expect(bench.submissions.count).toBe(0);
  });

  it("is unknown after its time, to the millisecond, whatever it waits for (the own disk hangs)", () => {
    bench.leader = self;
    bench.submit(seconds(4));
    bench.time.run(seconds(3.999));
    expect(bench.told).toEqual([]);
    bench.time.run(milliseconds(1));
    expect(bench.told).toEqual(["a unknown"]);
    bench.proposed[0]?.(done); // too late to tell anybody
    expect(bench.told).toEqual(["a unknown"]);
    expect(bench.time.pending).toBeLessThan(3);
  });

  it("under a session and serial that waits already is answered too, each within its own time", () => {
    bench.submit(seconds(1), "a");
    bench.submit(seconds(9), "b");
    bench.time.run(seconds(2));
    expect(bench.told).toEqual(["a unknown"]);
    bench.submissions.answered(client, done);
    expect(bench.told).toEqual(["a unknown", "b done"]);
  });

  it.each(["not-leader", "busy", "unknown"] as const)("goes on after %s, and follows the leader", (kind) => {
    bench.submit();
    bench.submissions.answered(client, kind === "not-leader" ? { kind, leader: undefined } : { kind });
    bench.leader = self;
    bench.time.run(milliseconds(200));
    expect(bench.proposed).toHaveLength(1);
    bench.proposed[0]?.(done);
    expect(bench.told).toEqual(["a done"]);
  });

  it("does not storm while there is no leader, or one that is always busy", () => {
    bench.leader = undefined;
    bench.submit(seconds(3));
    bench.time.run(seconds(3));
    expect(bench.forwarded).toBe(0);
    bench.leader = self;
    bench.submit(seconds(3));
    for (let i = 0; i < 300; i++) {
      bench.proposed.splice(0).forEach((tell) => tell({ kind: "busy" }));
      bench.time.run(milliseconds(10));
      bench.forwarded += bench.proposed.length;
    }
    expect(bench.forwarded).toBeLessThan(70);
  });

  it("after a stop is unknown at once, also when the answer makes somebody ask again", () => {
    bench.submissions.submit(client, new Uint8Array(1), seconds(4), () => bench.submit());
    bench.submissions.stop();
    expect(bench.told).toEqual(["a unknown"]);
    expect(bench.submissions.count).toBe(0);
  });
});
