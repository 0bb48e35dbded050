import { beforeEach, describe, expect, it } from "vitest";
import { DeviceGate } from "../../firmware-sim/device-gate.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";

describe("DeviceGate", () => {
  let time: VirtualTime;
  let gate: DeviceGate;
  let clock: VirtualClock;
  let told: string[];
  const tell = (what: string) => () => told.push(`${what} at ${time.now}`);

  beforeEach(() => {
    time = new VirtualTime();
    gate = new DeviceGate(time, "pi");
    clock = new VirtualClock(time, { gate });
    told = [];
  });

  it("keeps what becomes due, and lets it pass in that order once resumed; time has moved on (three timers, 10 s)", () => {
    clock.after(seconds(3), "test", tell("third"));
    clock.after(seconds(1), "test", tell("first"));
    clock.after(seconds(2), "test", tell("second"));
    gate.pause();
    time.run(seconds(10));
    expect(told).toEqual([]);
    expect(clock.now()).toBe(10_000);
    gate.resume();
    time.run(milliseconds(0));
    expect(told).toEqual(["first at 10000", "second at 10000", "third at 10000"]);
  });

  it("lets nothing that becomes due later overtake what waited", () => {
    clock.after(seconds(1), "test", tell("waited"));
    clock.after(seconds(1), "test", () => {
      tell("waited too")();
      clock.soon(tell("caused by it"));
    });
    clock.after(seconds(2), "test", tell("waited last"));
    clock.after(seconds(5), "test", tell("due as it goes on"));
    gate.pause();
    time.schedule(seconds(5), "test", () => gate.resume());
    time.run(seconds(9));
    expect(told.map((what) => what.replace(/ at .*/, ""))).toEqual([
      "waited",
      "waited too",
      "waited last",
      "due as it goes on",
      "caused by it",
    ]);
  });

  it("makes an event of its own of each that waited (another may be paused, or cancelled, between them)", () => {
    const second = clock.after(seconds(2), "test", tell("cancelled"));
    clock.after(seconds(1), "test", () => {
      tell("first")();
      second.cancel();
      gate.pause();
    });
    clock.after(seconds(3), "test", tell("third"));
    gate.pause();
    time.run(seconds(5));
    gate.resume();
    time.run(seconds(1));
    expect(told).toEqual(["first at 5000"]);
    gate.resume();
    gate.resume();
    time.run(seconds(1));
    expect(told).toEqual(["first at 5000", "third at 6000"]);
    expect(gate.isOpen).toBe(true);
  });

  it("after a power cut is that of the next life: the old one's timers are gone, the new one's fire", () => {
    clock.after(seconds(1), "test", tell("old"));
    gate.pause();
    time.run(seconds(5));
    clock.stop();
    gate.resume();
    clock = new VirtualClock(time, { gate });
    clock.after(seconds(1), "test", tell("new"));
    time.run(seconds(5));
    expect(told).toEqual(["new at 6000"]);
  });

  it("holds nobody else up", () => {
    gate.pause();
    new VirtualClock(time, { gate: new DeviceGate(time, "other") }).after(seconds(1), "test", tell("other"));
    time.run(seconds(2));
    expect(told).toEqual(["other at 1000"]);
  });
});
