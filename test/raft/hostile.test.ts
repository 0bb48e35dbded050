// Total: nothing that a peer can send makes a core throw, spin, or take back what it promised.
//
// The frame decoder guarantees types: numbers are safe integers from 0 on. Their values are anybody's.

import fc from "fast-check";
import { expect, it } from "vitest";
import type { RaftEffect, RaftMessage } from "../../src/raft/types.ts";
import { a, Bench, b, c, d, type Input, noop } from "./kit.ts";

const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 8 }) },
  { weight: 2, arbitrary: fc.maxSafeNat() },
  fc.constantFrom(Number.MAX_SAFE_INTEGER, 2 ** 48, 2 ** 32, 2 ** 31),
);
const member = fc.constantFrom(a, b, c, d);
const members = fc.array(member, { maxLength: 12 });
const voters = fc.record({ current: members, incoming: members }, { requiredKeys: ["current"] });
const name = fc.record({ leader: member, index: number, term: number, digest: fc.constantFrom("x", "y") });
const data = fc.uint8Array({ maxLength: 12 });
const head = { term: number, siteTime: number };
const entry = fc.oneof(
  fc.record({ ...head, index: number, kind: fc.constant("noop") }),
  fc.record({ ...head, index: number, kind: fc.constant("command"), command: data }),
  fc.record({ ...head, index: number, kind: fc.constant("voters"), voters }),
);
/** Often numbered as a leader would, so that it gets past the first look. */
const append = fc
  .tuple(
    fc.record({
      kind: fc.constant("append"),
      ...head,
      beat: number,
      previousIndex: number,
      previousTerm: number,
      commit: number,
      entries: fc.array(entry, { maxLength: 4 }),
    }),
    fc.boolean(),
  )
  .map(([one, isNumbered]) => ({
    ...one,
    entries: one.entries.map((each, i) =>
      isNumbered ? { ...each, index: one.previousIndex + 1 + i, term: one.term } : each,
    ),
  }));
const kind = fc.constant;
const request = { term: number, attempt: number };
const received = fc.oneof(
  { weight: 4, arbitrary: append },
  fc.record({
    kind: fc.constantFrom("pre-vote-request", "vote-request"),
    ...request,
    lastIndex: number,
    lastTerm: number,
  }),
  fc.record({ kind: fc.constantFrom("pre-vote-reply", "vote-reply"), ...request, granted: fc.boolean() }),
  fc.record({ kind: kind("append-ack"), term: number, beat: number, match: number }),
  fc.record({ kind: kind("gap"), term: number, beat: number, match: number, lastIndex: number, lastTerm: number }),
  fc.record({ kind: kind("snapshot-offer"), term: number, name, bytes: number, voters }),
  fc.record({ kind: kind("snapshot-question"), term: number, name, offset: number }),
  fc.record({ kind: kind("snapshot-chunk"), term: number, name, offset: number, data, isLast: fc.boolean() }),
  fc.record({ kind: kind("read-question"), term: number, request: number }),
  fc.record({ kind: kind("read-answer"), term: number, request: number, index: fc.option(number, { nil: undefined }) }),
);
const act = fc.oneof(
  { weight: 12, arbitrary: fc.record({ from: member, message: received, broadcast: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ waitMs: fc.integer({ min: 0, max: 3_000 }) }) },
  { weight: 2, arbitrary: fc.constant("sync" as const) },
  fc.constant("propose" as const),
  fc.constant("read" as const),
);

type Act = typeof act extends fc.Arbitrary<infer One> ? One : never;

/** What the driver would do: it applies what it is given, and installs what it received. */
function drive(bench: Bench, effects: readonly RaftEffect[]): void {
  for (const effect of effects) {
    if (effect.kind === "apply") {
      const last = effect.entries.at(-1);
      if (last !== undefined) drive(bench, bench.step({ kind: "applied", index: last.index }));
    }
    if (effect.kind === "store-chunk" && effect.isLast) {
      drive(bench, bench.step({ kind: "snapshot-installed", name: effect.name, voters: effect.voters }));
    }
  }
}

function perform(bench: Bench, action: Act): readonly RaftEffect[] {
  if (action === "sync") return bench.sync();
  if (action === "propose") return bench.propose("x");
  if (action === "read") return bench.step({ kind: "read", context: 1 });
  if ("waitMs" in action) return bench.wait(action.waitMs);
  const { from, broadcast } = action;
  return bench.step({ kind: "received", from, broadcast, message: action.message as unknown as RaftMessage } as Input);
}

it.each([
  ["a follower with a log", () => new Bench({ log: [1, 1, 2] })],
  ["a leader", () => new Bench().reign(b)],
  ["a single voter", () => new Bench({ voters: [a] }).reign()],
  [
    "a learner behind a checkpoint",
    () => new Bench({ voters: [b], start: { index: 3, term: 1 }, entries: [noop(4, 1)] }),
  ],
])("%s takes anything well-typed without throwing or taking back", (_, prepare) => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (actions) => {
      const bench = prepare();
      let before = bench.status;
      for (const action of actions) {
        drive(bench, perform(bench, action));
        const after = bench.status;
        expect(after.term).toBeGreaterThanOrEqual(before.term);
        expect(after.commit).toBeGreaterThanOrEqual(before.commit);
        expect(after.applied).toBeLessThanOrEqual(after.commit);
        expect(after.commit).toBeLessThanOrEqual(after.last);
        expect(after.synced).toBeLessThanOrEqual(after.last);
        expect(Number.isSafeInteger(after.last + 1)).toBe(true);
        before = after;
      }
      bench.wait(0);
      expect(bench.raft.nextTick() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(bench.now);
    }),
    { numRuns: 1_500, seed: 7 },
  );
});
