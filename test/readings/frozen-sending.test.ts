// How a device sends what its full store froze (docs/decisions/0008).

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import { siteTime, term } from "../../src/base/units.ts";
import { PartialSender } from "../../src/readings/partial-sender.ts";
import type { CountMove, FrozenOffer, Partial } from "../../src/readings/types.ts";
import { epoch, FreezingBench, smallSizes } from "./freezing-bench.ts";

const origin = `pi@${"a".repeat(32)}` as MemberKey;

/** 60 flushes without a coordinator: numbers up to 12 may have been sent, then comes what is frozen, then readings. */
async function startBench() {
  const bench = new FreezingBench();
  const store = await bench.open();
  for (let i = 0; i < 60; i++) bench.flush(store);
  const sent: { readonly sendable: number; readonly partial?: Partial; readonly offer?: FrozenOffer }[] = [];
  const copies: CountMove[] = [];
  const within: number[] = [];
  const sender = new PartialSender(
    {
      clock: bench.clock,
      random: new SeededRandom(1),
      store,
      counted: () => bench.counted,
      definitions: () => bench.definitions,
      siteTime: () => siteTime(epoch + 120_000 + bench.time.now),
      term: () => term(1),
      send: (partial) => sent.push({ sendable: store.sendable, partial }) > 0,
      sendFrozen: (offer) => sent.push({ sendable: store.sendable, offer }) > 0,
    },
    {
      origin,
      session: 1,
      twoCopies: (move) => void copies.push(move),
      withinFrozen: (counted) => void within.push(counted),
      failed: (failure) => expect(failure).toBeUndefined(),
      partialReadings: smallSizes.partialReadings,
    },
  );
  sender.start();
  return { bench, store, sender, sent, copies, within };
}

const rangeOf = ({ partial, offer }: { readonly partial?: Partial; readonly offer?: FrozenOffer }) => {
  const { from, to } = partial ?? offer?.frozen ?? { from: 0, to: 0 };
  return [offer === undefined ? "readings" : "frozen", from, to];
};

describe("what is frozen", () => {
  it("is sent whole, after what comes before it and before what follows, and nothing that the card does not permit", async () => {
    const { bench, store, sent } = await startBench();
    const ranges: (string | number)[][] = [];
    while ((bench.counted ?? 0) < store.taken && ranges.length < 100) {
      bench.run(6_000);
      for (const each of sent.splice(0)) {
        const [kind, from, to] = rangeOf(each);
        expect(each.sendable).toBeGreaterThanOrEqual(Number(to));
        if (from !== bench.counted) continue;
        ranges.push([kind ?? "", from ?? 0, to ?? 0]);
        bench.counted = Number(to);
      }
    }
    bench.run(1_000);
    expect(ranges.slice(0, 4)).toEqual([
      ["readings", 0, 3],
      ["readings", 3, 6],
      ["readings", 6, 9],
      ["readings", 9, 12],
    ]);
    expect(ranges[4]?.slice(0, 2)).toEqual(["frozen", 12]);
    expect(ranges.filter(([kind]) => kind === "frozen").length).toBeGreaterThan(1);
    expect(ranges.map(([, from]) => from).slice(1)).toEqual(ranges.map(([, , to]) => to).slice(0, -1));
    expect(bench.frozen(store)).toEqual([]);
    expect(bench.counted).toBe(store.taken);
  });

  it("never grows into what was sent while it is on its way (more flushes meanwhile)", async () => {
    const { bench, store, sent } = await startBench();
    bench.counted = 12;
    bench.run(6_000);
    const [, , to] = rangeOf(sent.at(-1) ?? {});
    for (let i = 0; i < 60; i++) bench.flush(store);
    const boundaries = bench.frozen(store).map((frozen) => frozen.to);
    expect(boundaries).toContain(to);
  });

  it("is found to be another copy's by its check, and by a move over a part of it", async () => {
    const { bench, store, sender, copies } = await startBench();
    const [first] = bench.frozen(store);
    const { from = 0, to = 0, check = 0 } = first ?? {};
    sender.moved({ origin, from, to, check, stored: to });
    expect(copies).toEqual([]);
    sender.moved({ origin, from, to, check: check ^ 1, stored: to });
    expect(copies).toHaveLength(1);
    const other = await startBench();
    other.sender.moved({ origin, from, to: to - 1, check, stored: to });
    expect(other.copies).toHaveLength(1);
  });

  it("is the end of this origin's counting where `counted` lies within it, and nothing is sent", async () => {
    const { bench, store, sent, within } = await startBench();
    bench.counted = (store.frozen.from(0)?.from ?? 0) + 1;
    bench.run(6_000);
    expect(within).toContain(bench.counted);
    expect(sent).toEqual([]);
  });
});
