// Who may be promoted: a learner that is far behind would hold up every commit until it has caught up (DESIGN §4).

import { describe, expect, it } from "vitest";
import { isReady } from "../../src/agent/voter-keeper.ts";
import { logIndex, milliseconds } from "../../src/base/units.ts";

const follower = (match: number, silentFor: number | undefined) => ({
  match: logIndex(match),
  silentFor: silentFor === undefined ? undefined : milliseconds(silentFor),
});

describe("a member is ready to vote", () => {
  it("within 1,000 entries of the commit index, and not behind that", () => {
    expect(isReady(follower(4_000, 0), 5_000)).toBe(true);
    expect(isReady(follower(3_999, 0), 5_000)).toBe(false);
  });

  it("for 3 s after its last answer", () => {
    expect(isReady(follower(5_000, 2_999), 5_000)).toBe(true);
    expect(isReady(follower(5_000, 3_000), 5_000)).toBe(false);
  });

  it("not before it has answered in this term", () => {
    expect(isReady(follower(5_000, undefined), 5_000)).toBe(false);
    expect(isReady(undefined, 0)).toBe(false);
  });
});
