import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RegisterOperation, whyNotLinearizable } from "../../../../firmware-sim/world/books/register-history.ts";
import { linearizableConfiguration } from "../../../../firmware-sim/world/checkers/linearizable-configuration.ts";
import { operation } from "./operations.ts";
import { Story } from "./story.ts";

const told = (...operations: ReturnType<typeof operation>[]) => {
  const { checker } = new Story(linearizableConfiguration);
  for (const one of operations) checker.operation?.(one);
  return () => checker.healed?.();
};

describe("what clients may not see", () => {
  it("a value that nobody wrote", () => {
    expect(told(operation("read", "x", 1, 2))).toThrow(
      /linearizable-configuration: sensor: "x" was read, and nobody wrote it/,
    );
  });

  it("the value of a write that was refused", () => {
    const write = operation("write", "x", 1, 2, { outcome: "refused" });
    expect(told(write, operation("read", "x", 3, 4))).toThrow(/"x" was read, and nobody wrote it/);
  });

  it("a value before it was written", () => {
    expect(told(operation("read", "x", 1, 2), operation("write", "x", 3, 4))).toThrow(
      /"x" was read before it was written/,
    );
  });

  it("what was there before an acknowledged write (a stale read)", () => {
    const writes = [operation("write", "x", 1, 2), operation("write", "y", 3, 4)];
    expect(told(...writes, operation("read", "x", 5, 6))).toThrow(
      /"y" was there between 3 and 4, but "x" was seen from 2 to 5/,
    );
    expect(told(...writes, operation("read", undefined, 5, 6))).toThrow(/what was there at first/);
  });

  it("a new value, then the old one again, while the write is under way", () => {
    const writes = [operation("write", "x", 1, 2), operation("write", "y", 3, 9)];
    const reads = [operation("read", "y", 4, 5), operation("read", "x", 6, 7)];
    expect(told(...writes, ...reads)).toThrow(/"y" was there between 4 and 5, but "x" was seen from 2 to 6/);
  });

  it("two values by turns", () => {
    const writes = [operation("write", "x", 1, 2), operation("write", "y", 3, 9)];
    const reads = [operation("read", "y", 4, 5), operation("read", "x", 6, 7), operation("read", "y", 8, 9)];
    expect(told(...writes, ...reads)).toThrow(/"x" is seen up to 6 and "y" from 5 on: one of them was seen again/);
  });

  it("a write of unknown outcome that comes, and goes again", () => {
    const writes = [operation("write", "x", 1, 2), operation("write", "y", 3, undefined)];
    const reads = [operation("read", "y", 4, 5), operation("read", "x", 6, 7)];
    expect(told(...writes, ...reads)).toThrow(/"y" was there between 4 and 5, but "x" was seen from 2 to 6/);
  });
});

describe("what clients may see", () => {
  it("a write of unknown outcome takes effect at any later time, or never", () => {
    const unknown = operation("write", "y", 3, undefined);
    const writes = [operation("write", "x", 1, 2), unknown, operation("write", "z", 10, 11)];
    expect(told(...writes, operation("read", "x", 4, 5), operation("read", "z", 12, 13))).not.toThrow();
    expect(told(...writes, operation("read", "z", 12, 13), operation("read", "y", 14, 15))).not.toThrow();
  });

  it("reads without an answer say nothing", () => {
    expect(
      told(operation("read", "x", 1, undefined), operation("read", "y", 1, 2, { outcome: "refused" })),
    ).not.toThrow();
  });

  it("keys are registers of their own", () => {
    const other = operation("write", "x", 1, 2, { key: "another" });
    expect(told(other, operation("write", "x", 3, 4), operation("read", "x", 5, 6))).not.toThrow();
  });
});

it("a world whose writes repeat a value is told so: its histories would prove nothing", () => {
  expect(told(operation("write", "x", 1, 2), operation("write", "x", 3, 4))).toThrow(/"x" is written twice/);
});

/** Some order that respects time and in which every read shows the newest write: all are tried. */
function canBeOrdered(left: readonly RegisterOperation[], value: string | undefined): boolean {
  const mustEnd = left.filter(({ returned }) => returned !== undefined);
  if (mustEnd.length === 0) return true; // what is of unknown outcome never was
  const firstAnswer = Math.min(...mustEnd.map(({ returned = 0 }) => returned));
  return left.some((next, i) => {
    if (next.called > firstAnswer) return false; // another one ended before this one began
    const rest = left.filter((_, j) => j !== i);
    if (next.kind === "read") return next.value === value && canBeOrdered(rest, value);
    return canBeOrdered(rest, next.value);
  });
}

const values = ["p", "q", "r", "s"] as const;
const spans = fc.record({ called: fc.integer({ min: 0, max: 12 }), takes: fc.integer({ min: 0, max: 6 }) });
const writes = fc.uniqueArray(fc.record({ value: fc.constantFrom(...values), span: spans, isKnown: fc.boolean() }), {
  selector: ({ value }) => value,
  maxLength: 4,
});
const reads = fc.array(fc.record({ value: fc.constantFrom(...values, undefined), span: spans }), { maxLength: 4 });
const histories = fc.tuple(writes, reads).map(([written, read]): RegisterOperation[] => [
  ...written.map(({ value, span, isKnown }) => ({
    kind: "write" as const,
    value,
    called: span.called,
    returned: isKnown ? span.called + span.takes : undefined,
  })),
  ...read.map(({ value, span }) => ({
    kind: "read" as const,
    value,
    called: span.called,
    returned: span.called + span.takes,
  })),
]);

it("decides every small history as trying all orders does (random histories)", () => {
  const seen = { legal: 0, illegal: 0 };
  fc.assert(
    fc.property(histories, (history) => {
      const isLegal = canBeOrdered(
        history.filter(({ kind, returned }) => kind === "write" || returned !== undefined),
        undefined,
      );
      seen[isLegal ? "legal" : "illegal"] += 1;
      expect(whyNotLinearizable(history) === undefined).toBe(isLegal);
    }),
    { numRuns: 20_000, seed: 7 },
  );
  expect(Math.min(seen.legal, seen.illegal)).toBeGreaterThan(2_000);
});

/** A history that was lived on a real register, by several clients that overlap: so a legal one, in which many values are seen. */
const lived = fc
  .array(
    fc.record({ isRead: fc.boolean(), before: fc.integer({ min: 0, max: 9 }), after: fc.integer({ min: 0, max: 9 }) }),
    {
      minLength: 1,
      maxLength: 9,
    },
  )
  .map((steps) => {
    let value: string | undefined;
    return steps.map(({ isRead, before, after }, i): RegisterOperation => {
      if (!isRead) value = `v${i}`;
      const at = 3 * i;
      return { kind: isRead ? "read" : "write", value, called: at - before, returned: at + after };
    });
  });

it("decides as trying all orders does where one read of a lived history shows another value (random histories)", () => {
  let illegal = 0;
  fc.assert(
    fc.property(lived, fc.nat(), fc.nat(), (history, which, what) => {
      expect(whyNotLinearizable(history)).toBeUndefined();
      const read = history.filter(({ kind }) => kind === "read");
      const changed = read[which % Math.max(1, read.length)];
      const shown = history[what % history.length]?.value;
      const spoilt = history.map((one) => (one === changed ? { ...one, value: shown } : one));
      const isLegal = canBeOrdered(spoilt, undefined);
      if (!isLegal) illegal += 1;
      expect(whyNotLinearizable(spoilt) === undefined).toBe(isLegal);
    }),
    { numRuns: 3_000, seed: 7 },
  );
  expect(illegal).toBeGreaterThan(300);
});

it("takes little time for a thousand operations of eight clients", () => {
  const history: RegisterOperation[] = Array.from({ length: 1_000 }, (_, i) => ({
    kind: i % 3 === 0 ? "write" : "read",
    value: `v${i - (i % 3)}`,
    called: 10 * i - 40,
    returned: i % 30 === 0 ? undefined : 10 * i + 40,
  }));
  const before = process.cpuUsage().user;
  expect(whyNotLinearizable(history)).toBeUndefined();
  expect(process.cpuUsage().user - before).toBeLessThan(500_000);
});

it("a recovery begins another history, with what it keeps: what it undid is not seen again", () => {
  const [x, y] = [operation("write", "x", 1, 2), operation("write", "y", 3, 4)];
  const recovered = (...later: ReturnType<typeof operation>[]) => {
    const story = new Story(linearizableConfiguration);
    for (const one of [x, y, operation("read", "y", 5, 6), operation("write", "u", 5, undefined)])
      story.checker.operation?.(one);
    story.pass(10);
    story.checker.fellBack?.("sensor", "x");
    for (const one of later) story.checker.operation?.(one);
    return () => story.checker.healed?.();
  };
  expect(recovered(operation("read", "x", 11, 12), operation("write", "z", 13, 14))).not.toThrow();
  expect(recovered(operation("read", "x", 11, 12), operation("read", "u", 13, 14))).not.toThrow();
  expect(recovered(operation("read", "y", 11, 12))).toThrow(/"y" was read, and nobody wrote it/);
  expect(recovered(operation("write", "z", 11, 12), operation("read", "x", 13, 14))).toThrow(/linearizable/);
});
