import { describe, expect, it } from "vitest";
import { oneCoordinator } from "../../../../firmware-sim/world/checkers/one-coordinator.ts";
import { instant, logIndex, siteTime, term } from "../../../../src/base/units.ts";
import type { RaftMessage } from "../../../../src/raft/types.ts";
import { b, timing } from "../../../raft/kit.ts";
import { append, elect, noop, quietSite } from "./story.ts";

const answer = (index: number | undefined): RaftMessage => ({
  kind: "read-answer",
  term: term(1),
  request: 1,
  index: index === undefined ? undefined : logIndex(index),
});
const item = { topic: "t", payload: new Uint8Array(0), retain: false, qos: 1, clientId: "uplink" } as const;

/** `a` led; `b` leads since, and has committed. `later`: so long ago. */
function deposed(later: number) {
  const { story, x, y, z } = quietSite(oneCoordinator);
  elect(y, [z], 2, noop(4, 2));
  story.pass(later);
  return { story, x, y, z };
}

const tooLate = timing.electionTimeoutMin * 1.02;

describe("a leader that acts long after a later term has committed", () => {
  it("says an append", () => {
    expect(() => deposed(tooLate).x.say(append(1))).toThrow(
      /one-coordinator: a@.*, leader of term 1, says an append 1530 ms after/,
    );
  });

  it("answers another member's read", () => {
    expect(() => deposed(tooLate).x.say(answer(3), b)).toThrow(/answers a read/);
  });

  it("answers its own client's read", () => {
    const { x } = deposed(tooLate);
    const ready = { kind: "read-ready", context: 1, index: logIndex(3) } as const;
    expect(() => x.step({}, [ready], { kind: "tick", now: instant(0), siteTime: siteTime(0) })).toThrow(
      /answers a read/,
    );
  });

  it("gives its uplink something to publish", () => {
    const { story, x } = deposed(tooLate);
    expect(() => story.checker.published?.(x.machine)).toThrow(/publishes on the uplink/);
  });
});

it("a publish of the old coordinator reaches the cloud after one of the new", () => {
  const { story, x, y } = deposed(0);
  story.checker.uplink?.(item, x.machine);
  story.checker.uplink?.(item, y.machine);
  expect(() => story.checker.uplink?.(item, x.machine)).toThrow(
    /a publish of a@.*, coordinator in term 1, .* after one of .* in term 2/,
  );
});

it("a device that never led publishes on the uplink", () => {
  const { story, z } = quietSite(oneCoordinator);
  expect(() => story.checker.published?.(z.machine)).toThrow(/c@.* publishes on the uplink and never led/);
});

describe("no violation", () => {
  it("an old leader may act until the shortest election timeout of its own clock has passed", () => {
    const { story, x } = deposed(timing.electionTimeoutMin);
    x.say(append(1));
    story.checker.published?.(x.machine);
  });

  it("it may refuse a read at any time, and the new leader may do anything", () => {
    const { story, x, y } = deposed(tooLate);
    x.say(answer(undefined), b);
    y.say(append(2));
    story.checker.published?.(y.machine);
  });

  it("a leader that was elected and has not committed deposes nobody yet", () => {
    const { story, x, y } = quietSite(oneCoordinator);
    y.lead(2, noop(4, 2));
    story.pass(60_000);
    x.say(append(1));
  });
});
