import { describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { milliseconds } from "../../src/base/units.ts";
import { ProposalQueue } from "../../src/replica/proposal-queue.ts";

/** The contexts of each group as it is handed over. */
function queue() {
  const time = new VirtualTime();
  const groups: number[][] = [];
  let context = 0;
  const proposals: ProposalQueue = new ProposalQueue(new VirtualClock(time), () => {
    const taken = proposals.take();
    if (taken.length > 0) groups.push(taken.map((one) => one.context));
  });
  return {
    groups,
    come: (count: number) => {
      for (let i = 0; i < count; i++) {
        context += 1;
        proposals.add({ context, command: new Uint8Array(0) });
      }
    },
    endTurn: () => time.run(milliseconds(1)),
  };
}

describe("proposals on their way to the core", () => {
  it("go at once while each comes alone", () => {
    const { groups, come, endTurn } = queue();
    for (let i = 0; i < 3; i++) {
      come(1);
      expect(groups).toHaveLength(i + 1);
      endTurn();
    }
    expect(groups).toEqual([[1], [2], [3]]);
  });

  it("go together after a first one, where one turn brings several", () => {
    const { groups, come, endTurn } = queue();
    come(5);
    expect(groups).toEqual([[1]]);
    endTurn();
    expect(groups).toEqual([[1], [2, 3, 4, 5]]);
  });

  it("go all together once the turn before was crowded, and alone again after a quiet one", () => {
    const { groups, come, endTurn } = queue();
    come(2);
    endTurn();
    come(3);
    endTurn();
    expect(groups).toEqual([[1], [2], [3, 4, 5]]);
    come(1);
    endTurn();
    come(1);
    expect(groups.slice(3)).toEqual([[6], [7]]);
  });

  it("all go, once each, in the order in which they came, however they come", () => {
    const { groups, come, endTurn } = queue();
    for (let i = 0; i < 200; i++) {
      come((i * 7) % 5);
      if (i % 3 !== 0) endTurn();
    }
    endTurn();
    const sent = groups.flat();
    expect(sent).toEqual(sent.map((_, i) => i + 1));
    expect(sent).toHaveLength(Array.from({ length: 200 }, (_, i) => (i * 7) % 5).reduce((sum, count) => sum + count));
  });
});
