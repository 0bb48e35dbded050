// What is synced, told from the order of the writes alone.

import { expect, it } from "vitest";
import { instant, logIndex } from "../../src/base/units.ts";
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
