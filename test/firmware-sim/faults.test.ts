import { expect, it } from "vitest";
import { checkFaults, FaultSchedule, formatFault, parseFault } from "../../firmware-sim/faults.ts";
import { deviceId } from "../../src/base/ids.ts";
import { minutes, seconds } from "../../src/base/units.ts";

it.each([
  ["20s:kill-coordinator", { at: 20_000, kind: "kill-coordinator", device: undefined }],
  ["1m30s:kill:pi-07", { at: 90_000, kind: "kill", device: "pi-07" }],
  ["500ms:stop-broker", { at: 500, kind: "stop-broker", device: undefined }],
])("reads %s and writes it back", (text, fault) => {
  expect(parseFault(text)).toEqual(fault);
  expect(formatFault(parseFault(text))).toBe(text);
});

it.each([
  ["kill-coordinator", /expected one or two colons|no span of time/],
  ["20:kill", /no span of time; write 90s/],
  ["20s:explode", /there is no fault "explode"; there are kill-coordinator, kill/],
  ["20s:restart", /restart needs a device/],
  ["20s:kill-coordinator:pi-01", /kill-coordinator takes no device/],
  ["20s:kill:PI 7", /"PI 7" is not a device/],
  ["20s:constructor", /there is no fault/],
])("refuses %s and says what would be right", (text, message) => {
  expect(() => parseFault(text)).toThrow(message);
});

it("refuses, before anything starts, what can never come true", () => {
  const site = { devices: new Set(["pi-01", "pi-02"]), duration: minutes(1), hasOwnBroker: true };
  const check = (text: string, change = {}) => checkFaults([parseFault(text)], { ...site, ...change });
  expect(() => check("20s:kill:pi-02")).not.toThrow();
  expect(() => check("60s:kill")).toThrow(/the run ends at 1m/);
  expect(() => check("1s:kill:pi-03")).toThrow(/the devices are pi-01 to pi-02/);
  expect(() => check("1s:stop-broker", { hasOwnBroker: false })).toThrow(/not ours to stop/);
});

it("keeps a fault due until it is possible, and names what never was", () => {
  const schedule = new FaultSchedule(["30s:kill:pi-02", "20s:kill-coordinator", "25s:stop-broker"].map(parseFault));
  const seen: string[] = [];
  schedule.run(seconds(10), () => false);
  expect(schedule.nextAt()).toBe(20_000);
  schedule.run(seconds(26), (fault) => {
    seen.push(fault.kind);
    return fault.kind === "stop-broker" ? undefined : false;
  });
  expect(seen).toEqual(["kill-coordinator", "stop-broker"]);
  schedule.run(seconds(31), (fault) => (fault.kind === "kill-coordinator" ? deviceId("pi-01") : false));
  expect(schedule.injected()).toEqual([
    { at: 26_000, kind: "stop-broker", device: undefined },
    { at: 31_000, kind: "kill-coordinator", device: "pi-01" },
  ]);
  expect(schedule.left().map(formatFault)).toEqual(["30s:kill:pi-02"]);
});
