import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime, worldEpoch } from "../../firmware-sim/virtual-clock.ts";
import { hours, instant, milliseconds, minutes, seconds } from "../../src/base/units.ts";

describe("VirtualTime", () => {
  it("runs events by time, and in the order of scheduling where times are equal (2,000 events, half of them cancelled)", () => {
    const time = new VirtualTime();
    const random = new SeededRandom(4);
    const happened: [at: number, order: number][] = [];
    const expected: [at: number, order: number][] = [];
    const cancelled: { cancel(): void }[] = [];
    for (let order = 0; order < 2_000; order++) {
      const at = random.below(50);
      const event = time.schedule(milliseconds(at), "test", () => happened.push([time.now, order]));
      if (random.below(2) === 0) cancelled.push(event);
      else expected.push([at, order]);
    }
    for (const event of cancelled) event.cancel();
    expect(time.pending).toBe(expected.length);
    time.run(seconds(1));
    expect(happened).toEqual(expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
    expect(time.pending).toBe(0);
  });

  it("sweeps cancelled timers out (one that is set anew 100,000 times, beside 100 that stand)", () => {
    const time = new VirtualTime();
    for (let i = 0; i < 100; i++) time.schedule(hours(1), "stands", () => undefined);
    let timer = time.schedule(seconds(10), "set anew", () => undefined);
    for (let i = 0; i < 100_000; i++) {
      timer.cancel();
      timer = time.schedule(seconds(10), "set anew", () => undefined);
    }
    expect(time.pending).toBe(101);
    expect(time.heldInMemory).toBeLessThan(300);
  });

  it("counts a timer that is cancelled twice, or after it fired, once", () => {
    const time = new VirtualTime();
    const timers = Array.from({ length: 10 }, () => time.schedule(seconds(1), "test", () => undefined));
    timers[0]?.cancel();
    timers[0]?.cancel();
    expect(time.pending).toBe(9);
    time.run(seconds(1));
    for (const timer of timers) timer.cancel();
    expect(time.pending).toBe(0);
  });
});

describe("VirtualClock", () => {
  it("is right by default, and takes its wall offset as a number", () => {
    const time = new VirtualTime();
    time.run(seconds(5));
    expect(new VirtualClock(time).wall()).toEqual({ time: worldEpoch + 5_000, synchronized: true });
    expect(new VirtualClock(time, 1_000).wall()).toEqual({ time: 6_000, synchronized: true });
  });

  it.each([100, -100])("drifts: now and timers run at the crystal's rate (%d ppm, an hour)", (driftPpm) => {
    const time = new VirtualTime();
    const clock = new VirtualClock(time, { driftPpm, isSynchronized: false });
    let firedAt = 0;
    clock.after(hours(1), "test", () => {
      firedAt = time.now;
    });
    time.run(hours(2));
    expect(clock.now()).toBeCloseTo(7_200_000 * (1 + driftPpm / 1e6), 3);
    expect(clock.wall().time - worldEpoch).toBeCloseTo(7_200_000 * (1 + driftPpm / 1e6), 3);
    expect(firedAt).toBeCloseTo(3_600_000 / (1 + driftPpm / 1e6), 3);
  });

  it("fires no timer before its own clock says so, and equal ones in the order of setting (2,000 timers, many drifts)", () => {
    const random = new SeededRandom(9);
    for (let clocks = 0; clocks < 20; clocks++) {
      const time = new VirtualTime();
      time.run(hours(random.below(200)));
      const clock = new VirtualClock(time, { driftPpm: random.below(400) - 200, origin: instant(random.fraction()) });
      const fired: number[] = [];
      for (let i = 0; i < 100; i++) {
        time.run(milliseconds(random.fraction()));
        const delay = milliseconds(random.fraction() * 1_000);
        const due = clock.now() + delay;
        clock.after(delay, "test", () => expect(clock.now()).toBeGreaterThanOrEqual(due));
      }
      time.run(seconds(5));
      for (let i = 0; i < 10; i++) clock.after(seconds(1), "equal", () => fired.push(i));
      clock.soon(() => fired.push(-1));
      time.run(seconds(5));
      expect(fired).toEqual([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  it.each([hours(3), hours(-3)])("jumps with its wall, and nothing else (by %d ms)", (by) => {
    const time = new VirtualTime();
    const clock = new VirtualClock(time);
    let firedAt = 0;
    clock.after(seconds(10), "test", () => {
      firedAt = time.now;
    });
    time.run(seconds(1));
    clock.jumpWall(by);
    expect(clock.wall()).toEqual({ time: worldEpoch + 1_000 + by, synchronized: true });
    expect(clock.now()).toBe(1_000);
    time.run(minutes(1));
    expect(firedAt).toBe(10_000);
    expect(clock.wall().time).toBe(worldEpoch + 61_000 + by);
  });

  it("wakes up in 1970 without a source, until one sets it; from then on the wall does not drift", () => {
    const time = new VirtualTime();
    time.run(hours(5));
    const clock = new VirtualClock(time, { wallStartsAt: 0, isSynchronized: false, driftPpm: 200 });
    time.run(seconds(100));
    expect(clock.wall().synchronized).toBe(false);
    expect(clock.wall().time).toBeCloseTo(100_020, 3);
    clock.synchronize(milliseconds(7));
    time.run(hours(1));
    expect(clock.wall()).toEqual({ time: worldEpoch + time.now + 7, synchronized: true });
  });

  it("loses its source and drifts on from where it is, and is believed again when the system says so", () => {
    const time = new VirtualTime();
    const clock = new VirtualClock(time, { driftPpm: 100 });
    time.run(seconds(1_000));
    clock.setSynchronized(false);
    time.run(seconds(1_000));
    expect(clock.wall().synchronized).toBe(false);
    expect(clock.wall().time - worldEpoch).toBeCloseTo(2_000_100, 3);
    clock.setSynchronized(true);
    expect(clock.wall().time - worldEpoch).toBeCloseTo(2_000_100, 3);
    expect(clock.wall().synchronized).toBe(true);
  });

  it("reports each timer that fires to the trace, and none that was cancelled or is of a life that is over", () => {
    const time = new VirtualTime();
    const seen: string[] = [];
    time.trace = (...event) => seen.push(event.join(" "));
    const [one, two] = [new VirtualClock(time, { name: "pi-1" }), new VirtualClock(time, { name: "pi-2" })];
    one.after(seconds(1), "tick", () => undefined);
    one.after(seconds(1), "cancelled", () => undefined).cancel();
    two.after(seconds(1), "of the dead", () => undefined);
    two.stop();
    time.run(seconds(2));
    expect(seen).toEqual(["pi-1 tick timer"]);
  });
});
