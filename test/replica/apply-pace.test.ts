import { describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { milliseconds } from "../../src/base/units.ts";
import { ApplyPace } from "../../src/replica/apply-pace.ts";

function pace(is: { leader: boolean; writing: boolean }) {
  const time = new VirtualTime();
  let applied = 0;
  const subject = new ApplyPace(new VirtualClock(time), {
    isLeader: () => is.leader,
    isWriting: () => is.writing,
    apply: () => {
      applied += 1;
    },
  });
  return {
    applied: () => applied,
    step: (isSpeaking: boolean) => subject.stepped(isSpeaking),
    endTurn: () => time.run(milliseconds(1)),
  };
}

describe("what is committed is applied", () => {
  it("at once by a leader that has nothing else to do: a client waits", () => {
    const { applied, step } = pace({ leader: true, writing: true });
    step(false);
    expect(applied()).toBe(1);
  });

  it("by a leader that speaks, once this turn's bytes have left, and once for all its steps", () => {
    const { applied, step, endTurn } = pace({ leader: true, writing: false });
    step(true);
    step(true);
    expect(applied()).toBe(0);
    endTurn();
    expect(applied()).toBe(1);
  });

  it("by a follower after the acknowledgement of its write", () => {
    const is = { leader: false, writing: true };
    const { applied, step, endTurn } = pace(is);
    step(true);
    endTurn();
    expect(applied()).toBe(0);
    is.writing = false;
    step(false);
    expect(applied()).toBe(0);
    endTurn();
    expect(applied()).toBe(1);
  });

  it("by a follower whose disk hangs, with the next thing that it hears", () => {
    const { applied, step, endTurn } = pace({ leader: false, writing: true });
    step(true);
    step(false);
    endTurn();
    expect(applied()).toBe(1);
  });
});
