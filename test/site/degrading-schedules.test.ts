// Clever against dumb: whatever is counted, closed, merged, delivered and delivered again, who adds up the dashboard topic by the
// rules of docs/counting.md comes to the plain sum of the readings, and every item number came or is accounted for.

import fc from "fast-check";
import { expect, it } from "vitest";
import { PublishedWindows } from "../../firmware-sim/judge/published-windows.ts";
import { siteId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { siteTime } from "../../src/base/units.ts";
import { readDashboard } from "../../src/cli/dashboard/reader.ts";
import type { Command } from "../../src/site/types.ts";
import { degradeOf, plansOf, waiting } from "./merging.ts";
import { epoch, origin, part, type Site, siteWithin } from "./site-fixture.ts";

const minute = 60_000;
const groups = ["g0", "g1"];
/** Small, so that windows leave by themselves, too. */
const bounds = { ...limits, windowBytes: 4_000, windowBytesMax: 1_000_000, closeItems: 6 };

interface Told {
  readonly ts: number;
  readonly spanMs: number;
  readonly count: number;
  readonly sum: number;
  readonly id: string;
  readonly adds: boolean;
  readonly group: string;
  readonly replaces?: string;
}

const numberOf = (id: string): number => Number(id.split(".")[1]);

/** Keeps everything that it ever heard, and adds up at the end. */
class Consumer {
  readonly heard: Told[] = [];
  readonly bytes = new Map<string, string>();
  readonly judge = new PublishedWindows();
  /** Heard of numbers that were heard before. */
  repeats = 0;

  hear(topic: string, payload: Uint8Array): void {
    const text = Buffer.from(payload).toString();
    const told = JSON.parse(text) as Told;
    const before = this.bytes.get(told.id);
    expect(before ?? text).toBe(text);
    this.bytes.set(told.id, text);
    if (before === undefined) this.heard.push(told);
    else this.repeats += 1;
    const message = readDashboard(siteId("house"), `skein/1/house/${topic}`, payload);
    if (message.kind !== "aggregate") throw new Error(JSON.stringify(message));
    if (this.judge.item(told.id, topic, payload, true) === "first") this.judge.aggregate(message.values);
  }

  totals(isCareful: boolean): { count: number; sum: number } {
    const valid = this.heard.filter(
      (told) =>
        !this.heard.some((other) => isCareful && replaces(other, told)) &&
        !this.heard.some((other) => isLaterEdition(other, told)),
    );
    return valid.reduce((total, { count, sum }) => ({ count: total.count + count, sum: total.sum + sum }), {
      count: 0,
      sum: 0,
    });
  }
}

function replaces(other: Told, told: Told): boolean {
  if (other.replaces === undefined || other.group !== told.group || other.adds !== told.adds) return false;
  const number = numberOf(told.id);
  return other.replaces.split(",").some((range) => {
    const [first = "", last = ""] = range.split("-");
    return number >= numberOf(first) && number <= numberOf(last);
  });
}

const isLaterEdition = (other: Told, told: Told): boolean =>
  !other.adds &&
  !told.adds &&
  other.group === told.group &&
  other.ts === told.ts &&
  numberOf(other.id) > numberOf(told.id);

class Model {
  readonly s: Site = siteWithin(bounds, "a");
  readonly consumer = new Consumer();
  /** By group and window start. */
  readonly truth = new Map<string, number>();
  readonly proposed: Command[] = [];
  count = 0;
  sum = 0;
  merged = 0;
  refused = 0;
  /** The last item that the coordinator of now has sent. */
  #sent = 0;

  take(group: string, age: number): void {
    const { s } = this;
    const value = 1 + ((this.count * 7_919) % 100_003);
    const at = Math.max(epoch, s.now - age);
    const parts = [part(at, [value], [], group)];
    const { outcome } = s.count("a", s.state.counted(origin("a")) ?? 0, [value], { at, parts });
    expect(outcome.kind).toBe("done");
    this.count += 1;
    this.sum += value;
    const key = `${group} ${Math.floor(at / minute) * minute}`;
    this.truth.set(key, (this.truth.get(key) ?? 0) + 1);
  }

  close(): boolean {
    const upTo = this.s.state.dueClose(siteTime(this.s.now));
    if (upTo !== undefined) this.s.close(upTo);
    return upTo !== undefined;
  }

  /** Published, and perhaps nobody ever commits that it was. */
  deliver(items: number): void {
    for (const [number, item] of waiting(this.s)) {
      if (items <= 0) return;
      if (number <= this.#sent) continue;
      this.consumer.hear(item.topic, item.payload);
      this.#sent = number;
      items -= 1;
    }
  }

  commit(): void {
    this.s.apply({ kind: "cursor", upTo: Math.min(this.#sent, this.s.state.outbox.next - 1) });
  }

  failover(): void {
    this.#sent = this.s.state.cursor;
  }

  /** Only some of what could be merged, as an entry has a bound. */
  plan(share: number): void {
    const plans = plansOf(this.s);
    const command = degradeOf(this.s, plans.slice(0, Math.ceil(plans.length * share)));
    if (command !== undefined) this.proposed.push(command);
  }

  degrade(which: number): void {
    const command = this.proposed[which % Math.max(1, this.proposed.length)];
    if (command === undefined) return;
    if (this.s.apply(command).outcome.kind === "refused") this.refused += 1;
    else this.merged += 1;
  }

  heal(): void {
    this.s.now += 3_600_000;
    do {
      this.deliver(Number.POSITIVE_INFINITY);
      this.commit();
    } while (this.close());
  }
}

const action = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("take" as const),
      group: fc.constantFrom(...groups),
      age: fc.constantFrom(0, 0, 0, 90_000, 250_000, 900_000),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 90_000 }) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("close" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("plan" as const), share: fc.constantFrom(0.3, 1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("merge" as const), share: fc.constantFrom(0.3, 1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("degrade" as const), back: fc.constantFrom(0, 0, 0, 1, 5) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("deliver" as const), items: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("commit" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("failover" as const) }) },
);

it("merging what waits loses no reading, doubles none, and leaves no number unaccounted (random schedules)", () => {
  const reached = { merged: 0, refused: 0, repeats: 0, supplements: 0, mergedSupplements: 0, misled: 0, neverSent: 0 };
  fc.assert(
    fc.property(fc.array(action, { minLength: 60, maxLength: 400, size: "max" }), (actions) => {
      const model = new Model();
      const { s, consumer } = model;
      for (const step of actions) {
        if (step.kind === "take") model.take(step.group, step.age);
        else if (step.kind === "pass") s.now += step.ms;
        else if (step.kind === "close") model.close();
        else if (step.kind === "plan") model.plan(step.share);
        else if (step.kind === "merge") {
          model.plan(step.share);
          model.degrade(model.proposed.length - 1);
        } else if (step.kind === "degrade") model.degrade(Math.max(0, model.proposed.length - 1 - step.back));
        else if (step.kind === "deliver") model.deliver(step.items);
        else if (step.kind === "commit") model.commit();
        else model.failover();
      }
      model.heal();
      const { count, sum } = model;
      expect(consumer.totals(true)).toEqual({ count, sum });
      expect(consumer.judge.counted).toBe(count);
      expect(consumer.judge.violations()).toEqual([]);
      for (const span of consumer.judge.spans()) {
        let expected = 0;
        for (let start = span.start; start < span.end; start += minute) {
          expected += model.truth.get(`${span.series.slice("all/".length)} ${start}`) ?? 0;
        }
        expect(span.count).toBe(expected);
      }
      reached.merged += model.merged;
      reached.refused += model.refused;
      reached.repeats += consumer.repeats;
      reached.supplements += consumer.heard.filter(({ adds }) => adds).length;
      reached.mergedSupplements += consumer.heard.filter(
        ({ adds, replaces: range }) => adds && range !== undefined,
      ).length;
      reached.misled += consumer.totals(false).count === count ? 0 : 1;
      reached.neverSent += s.state.outbox.next - 1 - consumer.heard.length;
    }),
    { numRuns: 150, endOnFailure: true },
  );
  // The schedules are worth something only if they go where it is difficult; `misled`: who ignores `replaces` counts wrongly.
  expect(reached.merged).toBeGreaterThan(300);
  expect(reached.refused).toBeGreaterThan(100);
  expect(reached.repeats).toBeGreaterThan(300);
  expect(reached.supplements).toBeGreaterThan(300);
  expect(reached.mergedSupplements).toBeGreaterThan(50);
  expect(reached.misled).toBeGreaterThan(20);
  expect(reached.neverSent).toBeGreaterThan(1_000);
}, 60_000);
