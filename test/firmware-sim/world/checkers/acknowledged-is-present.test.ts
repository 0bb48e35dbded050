import { expect, it } from "vitest";
import { acknowledgedIsPresent } from "../../../../firmware-sim/world/checkers/acknowledged-is-present.ts";
import { operation } from "./operations.ts";
import { Story } from "./story.ts";

const told = (...operations: ReturnType<typeof operation>[]) => {
  const { checker } = new Story(acknowledgedIsPresent);
  for (const one of operations) checker.operation?.(one);
  return () => checker.healed?.();
};

const [x, y] = [operation("write", "x", 1, 2), operation("write", "y", 3, 4)];

it("an acknowledged write that is gone", () => {
  expect(told(x, operation("read", undefined, 5, 6))).toThrow(
    /acknowledged-is-present: sensor shows nothing in the end; x was acknowledged/,
  );
});

it("an acknowledged write in whose place an older one stands", () => {
  expect(told(x, y, operation("read", "x", 5, 6))).toThrow(/sensor shows x in the end; y was acknowledged/);
});

it("an acknowledged write in whose place a refused one stands", () => {
  const refused = operation("write", "z", 5, 6, { outcome: "refused" });
  expect(told(x, refused, operation("read", "z", 7, 8))).toThrow(/shows z in the end/);
});

it("a run in which nobody looked at the end", () => {
  expect(told(x, operation("read", "x", 2, 3), y)).toThrow(/nobody read sensor after y was acknowledged at 4/);
});

it("no violation: it is there, or one that was under way at the same time, or one of unknown outcome", () => {
  expect(told(x, y, operation("read", "y", 5, 6))).not.toThrow();
  expect(told(operation("write", "w", 2, 4), y, operation("read", "w", 5, 6))).not.toThrow();
  expect(told(x, operation("write", "u", 1, undefined), operation("read", "u", 5, 6))).not.toThrow();
  expect(told(operation("write", "r", 1, 2, { outcome: "refused" }))).not.toThrow();
});

it("a recovery keeps what it says and nothing newer; what was written since counts again", () => {
  const recovered = (...later: ReturnType<typeof operation>[]) => {
    const story = new Story(acknowledgedIsPresent);
    for (const one of [x, y]) story.checker.operation?.(one);
    story.pass(10);
    story.checker.fellBack?.("sensor", "x");
    for (const one of later) story.checker.operation?.(one);
    return () => story.checker.healed?.();
  };
  expect(recovered(operation("read", "x", 11, 12))).not.toThrow();
  expect(recovered(operation("read", "y", 11, 12))).toThrow(/sensor shows y in the end; x was acknowledged/);
  expect(recovered(operation("write", "z", 11, 12), operation("read", "x", 13, 14))).toThrow(/z was acknowledged/);
});
