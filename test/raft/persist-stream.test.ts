// What is synced, told from the order of the writes alone.

import { expect, it } from "vitest";
import { instant, logIndex, milliseconds, shift } from "../../src/base/units.ts";
import { PersistStream } from "../../src/raft/persist-stream.ts";
import { noop } from "./kit.ts";

const now = instant(0);

it("a late confirmation of entries that were replaced meanwhile is none of their successors (RAFT-CASES 10)", () => {
  const stream = new PersistStream(logIndex(0));
  stream.append([noop(1, 1), noop(2, 1), noop(3, 1)]);
  expect(stream.take(now, true)).toMatchObject([{ token: 1 }]);
  stream.truncateAfter(logIndex(1), now);
  stream.append([noop(2, 2), noop(3, 2), noop(4, 2)]);
  expect(stream.take(now, true)).toMatchObject([{ token: 2, truncateAfter: 1 }]);

  stream.confirm(1);
  expect(stream.synced).toBe(1);
  stream.confirm(2);
  expect(stream.synced).toBe(4);
});

// Seed 9811 of the world (7 devices, 10 minutes): rounded, the difference was a bit less than 10 s at the instant for which the tick was
// set, so that a coordinator whose disk hung ticked for ever at that instant.
it("is overdue at the very instant for which a tick is set, whatever rounding does (10,000 instants)", () => {
  const timeout = milliseconds(10_000);
  const early: number[] = [];
  for (let place = 0; place < 10_000; place++) {
    const since = instant(2 ** 19 - 9_999 * ((place + 1 / 3) / 10_000));
    const stream = new PersistStream(logIndex(0));
    stream.append([noop(1, 1)]);
    stream.take(since, true);
    if (!stream.isOverdue(shift(since, timeout), timeout)) early.push(since);
  }
  expect(early).toEqual([]);
});
