// One place from which items are handed out, whatever the store and the link do.

import { expect, it } from "vitest";
import { SkeinError } from "../../src/base/errors.ts";
import { ItemStream } from "../../src/cloud/item-stream.ts";
import type { OutboxItem } from "../../src/site/outbox.ts";
import { upTo } from "./uplink-world.ts";

type Done = (failure?: SkeinError) => void;

/** A stream over items 1 … `last`, with a store and a link that the test answers for. */
class Bench {
  readonly handedOut: number[] = [];
  readonly acknowledged: number[] = [];
  readonly stopped: string[] = [];
  readonly answers = new Map<number, Done>();
  readonly gone = new Set<number>();
  readFailure: SkeinError | undefined;
  isLinkInstant = false;
  readonly stream: ItemStream;

  constructor(last: number, windowItems: number) {
    const numberOf = (item: OutboxItem) => Number(item.topic);
    const source = {
      first: 1,
      next: last + 1,
      count: last,
      bytes: 0,
      holds: (number: number) => number <= last && !this.gone.has(number),
      read: (number: number, done: (failure: SkeinError | undefined, item: OutboxItem | undefined) => void) => {
        const item = { topic: String(number), retain: false, payload: new Uint8Array(1) };
        done(this.readFailure, this.gone.has(number) ? undefined : item);
      },
    };
    this.stream = new ItemStream(source, windowItems, {
      publish: (item, done) => {
        this.handedOut.push(numberOf(item));
        if (this.isLinkInstant) done();
        else this.answers.set(numberOf(item), done);
      },
      acknowledged: (number) => this.acknowledged.push(number),
      stopped: (failure) => this.stopped.push(failure.code),
    });
  }
}

it("takes nothing for acknowledged beyond the first that is not (PUBACKs 2, 3, then 1)", () => {
  const { stream, answers, acknowledged, handedOut } = new Bench(5, 3);
  stream.begin();
  expect(handedOut).toEqual([1, 2, 3]);
  answers.get(2)?.();
  answers.get(3)?.();
  expect([stream.acknowledged, acknowledged, handedOut]).toEqual([0, [], [1, 2, 3]]);
  answers.get(1)?.();
  expect([stream.acknowledged, acknowledged, handedOut]).toEqual([3, [3], [1, 2, 3, 4, 5]]);
});

it("listens to no answer of an earlier link (PUBACK after the link fell)", () => {
  const { stream, answers, handedOut } = new Bench(3, 2);
  stream.begin();
  const late = answers.get(1);
  stream.end();
  late?.();
  expect(stream.acknowledged).toBe(0);
  stream.begin();
  expect(handedOut).toEqual([1, 2, 1, 2]);
});

it("stands still when an item cannot be read or sent, and begins again where it was", () => {
  const bench = new Bench(3, 2);
  bench.readFailure = new SkeinError("disk-failed", "the card is gone");
  bench.stream.begin();
  expect([bench.stopped, bench.handedOut]).toEqual([["disk-failed"], []]);
  bench.readFailure = undefined;
  bench.stream.more();
  expect(bench.handedOut).toEqual([]);
  bench.stream.begin();
  bench.answers.get(2)?.(new SkeinError("queue-full", "the socket is full"));
  expect(bench.stopped).toEqual(["disk-failed", "queue-full"]);
  bench.stream.begin();
  expect(bench.handedOut).toEqual([1, 2, 1, 2]);
});

it("passes over items that are no longer there, because another coordinator's cursor has them", () => {
  const bench = new Bench(4, 2);
  for (const number of [1, 2, 3]) bench.gone.add(number);
  bench.stream.begin();
  expect([bench.handedOut, bench.stream.acknowledged]).toEqual([[4], 3]);
});

it("goes through a long backlog without deepening the stack (50,000 items, everything at once)", () => {
  const bench = new Bench(50_000, 16);
  bench.isLinkInstant = true;
  bench.stream.begin();
  expect(bench.handedOut).toEqual(upTo(50_000));
  expect(bench.stream.acknowledged).toBe(50_000);
});

it("keeps its window full over numbers that another item replaced, and they are through with what follows (1,000 empty)", () => {
  const bench = new Bench(1_010, 4);
  for (let number = 3; number <= 1_002; number++) bench.gone.add(number);
  bench.stream.begin();
  expect(bench.handedOut).toEqual([1, 2, 1_003, 1_004]);
  bench.answers.get(1_003)?.();
  expect([bench.stream.acknowledged, bench.handedOut.length]).toEqual([0, 4]);
  bench.answers.get(1)?.();
  bench.answers.get(2)?.();
  expect([bench.stream.acknowledged, bench.acknowledged.at(-1)]).toEqual([1_003, 1_003]);
  expect(bench.handedOut.slice(4)).toEqual([1_005, 1_006, 1_007]);
});
