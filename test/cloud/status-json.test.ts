import { expect, it } from "vitest";
import { deviceId, siteId } from "../../src/base/ids.ts";
import { logIndex, siteTime, term } from "../../src/base/units.ts";
import { eventTopic, formatSiteEvent, formatSiteReport } from "../../src/cloud/status-json.ts";

it("says who leads and why, without an id, so that nobody takes it for an item", () => {
  const report = formatSiteReport({
    siteTime: siteTime(1_767_225_600_000),
    site: siteId("house"),
    coordinator: deviceId("pi-1"),
    term: term(3),
    generation: { number: 1, nonce: "00" },
    why: "elected by pi-2 and pi-3",
    revision: logIndex(12),
    commit: logIndex(99),
    members: 3,
    present: 2,
    voters: [deviceId("pi-1"), deviceId("pi-2"), deviceId("pi-3")],
  });
  expect(Buffer.from(report).toString()).toBe(
    '{"ts":1767225600000,"site":"house","coordinator":"pi-1","term":3,"generation":1,"why":"elected by pi-2 and pi-3","revision":12,"commit":99,"members":3,"present":2,"voters":["pi-1","pi-2","pi-3"]}',
  );
});

it("says what happened, with a device where there is one", () => {
  const event = { siteTime: siteTime(5), kind: "joined", device: deviceId("pi-4"), text: "pi-4 joined", term: term(3) };
  expect(eventTopic(event)).toBe("events/joined");
  expect(Buffer.from(formatSiteEvent(event)).toString()).toBe(
    '{"ts":5,"kind":"joined","device":"pi-4","text":"pi-4 joined","term":3}',
  );
  expect(JSON.parse(Buffer.from(formatSiteEvent({ ...event, device: undefined })).toString())).not.toHaveProperty(
    "device",
  );
});
