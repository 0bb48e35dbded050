// Site time in the replicated state: adopted, lost, set, and how it jumps.

import { describe, expect, it } from "vitest";
import { type DeviceId, deviceId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { hours, milliseconds } from "../../src/base/units.ts";
import { SiteState } from "../../src/site/state.ts";
import type { TimeChange } from "../../src/site/types.ts";
import { epoch, origin, type Site, StoredCells, site } from "./site-fixture.ts";

const [one, two, three] = ["pi-1", "pi-2", "pi-3"].map(deviceId) as [DeviceId, DeviceId, DeviceId];
const change = (s: Site, made: TimeChange, after = s.state.time.changes) =>
  s.apply({ kind: "time", after, change: made }).outcome;
const adopt = (sources: readonly DeviceId[], jump = 0, ahead = 0): TimeChange => ({
  kind: "adopt",
  sources,
  jump: milliseconds(jump),
  ahead: milliseconds(ahead),
});

describe("site time in the state", () => {
  it("is uncertain at first, and synced by the sources that an entry adopts; a jump raises the floor and is recorded", () => {
    const s = site("a");
    expect(s.state.time).toMatchObject({ isSynced: false, sources: [], jumps: [] });
    expect(change(s, adopt([one, two], hours(3)))).toMatchObject({ kind: "done" });
    expect(s.state.siteTimeFloor).toBe(epoch + hours(3));
    expect(s.state.time).toEqual({
      changes: 1,
      isSynced: true,
      since: epoch + hours(3),
      ahead: 0,
      sources: [
        { device: one, agreedAt: epoch + hours(3) },
        { device: two, agreedAt: epoch + hours(3) },
      ],
      jumps: [{ index: s.index, at: epoch, by: hours(3), author: undefined }],
    });
  });

  it("changes once, although two coordinators say so: the second knew of fewer changes", () => {
    const s = site("a");
    change(s, adopt([one, two], hours(3)), 0);
    const digest = s.state.digest();
    expect(change(s, adopt([one, two], hours(3)), 0)).toMatchObject({ kind: "refused", reason: "stale-time" });
    expect(change(s, { kind: "lost" }, 5)).toMatchObject({ kind: "refused", reason: "stale-time" });
    expect(s.state.digest()).toBe(digest);
  });

  it("does not jump once it is synced, whatever sources say; a person may set it, and then it is uncertain", () => {
    const s = site("a");
    change(s, adopt([one]));
    expect(change(s, adopt([one, two], 1))).toMatchObject({ kind: "refused", reason: "malformed" });
    expect(s.state.siteTimeFloor).toBe(epoch);
    expect(change(s, { kind: "set", jump: hours(1), author: "anna" })).toMatchObject({ kind: "done" });
    expect(s.state.time).toMatchObject({ isSynced: false, sources: [], jumps: [{ by: hours(1), author: "anna" }] });
    change(s, adopt([two]));
    s.now += hours(2);
    change(s, { kind: "lost" });
    expect(s.state.time).toMatchObject({ isSynced: false, sources: [] });
    expect(s.state.siteTimeFloor).toBe(s.now);
  });

  it("remembers when each source last agreed, those not named now behind those named", () => {
    const s = site("a");
    change(s, adopt([one, two]));
    s.now += hours(1);
    change(s, adopt([three, two]));
    expect(s.state.time).toMatchObject({
      since: epoch,
      sources: [
        { device: three, agreedAt: epoch + hours(1) },
        { device: two, agreedAt: epoch + hours(1) },
        { device: one, agreedAt: epoch },
      ],
    });
  });

  it("remembers the newest jumps and sources up to their bounds, and is the same when loaded from its cell", () => {
    const s = site("a");
    for (let i = 0; i < limits.timeJumps + 5; i++) {
      s.now += hours(2);
      change(s, { kind: "set", jump: milliseconds(1_000 + i), author: "" });
    }
    for (let i = 0; i < limits.timeSources + 5; i++) change(s, adopt([deviceId(`pi-${i}`)]));
    const { jumps, sources } = s.state.time;
    expect(jumps).toHaveLength(limits.timeJumps);
    expect(jumps.at(-1)?.by).toBe(1_000 + limits.timeJumps + 4);
    expect(sources).toHaveLength(limits.timeSources);
    expect(sources[0]?.device).toBe(`pi-${limits.timeSources + 4}`);
    const loaded = SiteState.load(new StoredCells(s.state).cells());
    expect(loaded.time).toEqual(s.state.time);
    expect(loaded.digest()).toBe(s.state.digest());
  });

  it("does not come after the year 2200, from where there would be no way back", () => {
    const s = site("a");
    const jump = milliseconds(limits.siteTimeMax - 1_000);
    expect(change(s, { kind: "set", jump, author: "anna" })).toMatchObject({ kind: "refused", reason: "malformed" });
    expect(s.state.siteTimeFloor).toBe(epoch);
  });

  it("leaves windows and stamps alone when it jumps: what was counted stays, and what comes late still counts", () => {
    const s = site("a");
    s.count("a", 0, [20, 21]);
    change(s, adopt([one], hours(2)));
    expect(s.count("a", 2, [22], { at: epoch })).toMatchObject({ outcome: { kind: "done" } });
    expect([...s.state.allWindows()]).toHaveLength(1);
    expect(s.state.counted(origin("a"))).toBe(3);
    s.now += hours(2);
    expect(s.count("a", 3, [23], { at: s.now })).toMatchObject({ outcome: { kind: "done" } });
  });
});
