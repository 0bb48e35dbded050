import { describe, expect, it } from "vitest";
import type { TimeReport } from "../../src/agent/time-report.ts";
import { describeTime } from "../../src/agent/time-report.ts";
import { deviceId } from "../../src/base/ids.ts";
import { logIndex, milliseconds, siteTime } from "../../src/base/units.ts";
import { wantedTime } from "../../src/cli/commands/time.ts";
import { describeTimeReport, spanText } from "../../src/cli/reports/time-report.ts";

const noon = Date.UTC(2026, 3, 1, 12);
const source = (name: string, offset: number | undefined, isIgnored = false) => ({
  device: deviceId(name),
  offset: offset === undefined ? undefined : milliseconds(offset),
  agreedAt: isIgnored ? undefined : siteTime(noon),
  isIgnored,
});
const uncertain: TimeReport = {
  siteTime: siteTime(noon),
  isSynced: false,
  since: siteTime(0),
  ahead: milliseconds(0),
  sources: [],
  jumps: [],
};
const synced: TimeReport = { ...uncertain, isSynced: true };

describe("site time for people", () => {
  it("is uncertain or synced, and by whom", () => {
    const [one, two, liar] = [source("pi-1", 3), source("pi-2", -4), source("pi-3", 600_000, true)];
    expect(describeTime(uncertain)).toBe("uncertain: no clock source yet");
    expect(describeTime({ ...uncertain, sources: [one] })).toBe(
      "uncertain: 1 source (pi-1), it has to stand for 10 minutes",
    );
    expect(describeTime({ ...uncertain, sources: [one, two] })).toMatch(/2 sources .*, no two of them agree$/);
    expect(describeTime({ ...synced, sources: [one, two, liar] })).toBe("synced (2 sources: pi-1, pi-2)");
    expect(describeTime({ ...synced, sources: [liar] })).toBe("synced, but no source agrees now");
  });

  it("says that no source agrees any more where none was heard to for hours, though the log still names them", () => {
    const later = (hours: number) => ({ ...synced, siteTime: siteTime(noon + hours * 3_600_000) });
    const sources = [source("pi-1", undefined), { ...source("pi-2", 3), agreedAt: siteTime(noon + 3_600_000) }];
    expect(describeTime({ ...later(1), sources })).toBe("synced (2 sources: pi-1, pi-2)");
    expect(describeTime({ ...later(2.5), sources })).toBe("synced (1 source: pi-2)");
    expect(describeTime({ ...later(4), sources })).toBe("synced, but no source agrees now");
  });

  it("shows each source with its offset, who is ignored, how it was slewed, and its jumps", () => {
    const report: TimeReport = {
      siteTime: siteTime(noon),
      isSynced: true,
      since: siteTime(noon - 60_000),
      ahead: milliseconds(-86_000),
      sources: [source("pi-1", 86_000), source("pi-2", undefined), source("pi-3", 600_000, true)],
      jumps: [{ index: logIndex(9), at: siteTime(0), by: milliseconds(noon), author: undefined }],
    };
    expect(describeTimeReport(report).split("\n")).toEqual([
      "site time   2026-04-01T12:00:00.000Z",
      "state       synced (2 sources: pi-1, pi-2), since 2026-04-01T11:59:00.000Z",
      "            1m26s behind its sources when the log last looked: it runs faster until they meet",
      "",
      expect.stringMatching(/^SOURCE +AHEAD OF SITE TIME +AGREED/),
      expect.stringMatching(/^pi-1 +1m26s +2026-04-01T12:00:00.000Z +agrees/),
      expect.stringMatching(/^pi-2 +– +2026-04-01T12:00:00.000Z +not heard lately/),
      expect.stringMatching(/^pi-3 +10m +– +ignored/),
      "",
      expect.stringMatching(/^JUMPED FROM/),
      expect.stringMatching(/^1970-01-01T00:00:00.000Z +2026-04-01T12:00:00.000Z +20544d12h +its sources/),
      "",
    ]);
    expect(spanText(-90_000)).toBe("-1m30s");
  });
});

describe("a time to set", () => {
  it.each([
    ["2026-04-01T12:00:00Z", noon],
    ["2026-04-01T14:00+02:00", noon],
    ["2026-04-01T12:00:00.250Z", noon + 250],
  ])("%s is one", (text, time) => {
    expect(wantedTime(text)()).toBe(time);
  });

  it.each(["2026-04-01", "2026-04-01T12:00:00", "noon", "1775044800000", "2026-13-01T00:00Z", ""])(
    "%j is none, because it names no day, no zone or no time",
    (text) => {
      expect(() => wantedTime(text)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
    },
  );
});
