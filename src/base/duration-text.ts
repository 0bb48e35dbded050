// Spans of time as people write them: `250ms`, `10s`, `1m30s`, `2h`, `1d`.

import { SkeinError } from "./errors.ts";
import { type Duration, milliseconds } from "./units.ts";

const unitMs: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
const whole = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const part = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

/** `what` names the thing in the message. Fails with `invalid-argument`. */
export function parseDuration(text: string, what: string): Duration {
  if (!whole.test(text)) {
    throw new SkeinError(
      "invalid-argument",
      `${what}: ${JSON.stringify(text)} is no span of time; write 90s, 250ms or 1m30s`,
    );
  }
  let total = 0;
  for (const [, count, unit] of text.matchAll(part)) total += Number(count) * (unitMs.get(unit ?? "") ?? 0);
  return milliseconds(Math.round(total));
}

/** The shortest writing that `parseDuration` reads back as the same span; fractions of a millisecond are dropped. */
export function formatDuration(span: Duration): string {
  let rest = Math.round(span);
  if (rest <= 0) return "0s";
  let text = "";
  for (const [unit, size] of [...unitMs].reverse()) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}
