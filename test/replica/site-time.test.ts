import { describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { minutes, seconds, shift, siteTime } from "../../src/base/units.ts";
import { SiteClock } from "../../src/replica/site-time.ts";

const spring = siteTime(Date.UTC(2026, 3, 1));

function device(floor = siteTime(0), wall = spring as number): { time: VirtualTime; clock: SiteClock } {
  const time = new VirtualTime();
  return { time, clock: new SiteClock(new VirtualClock(time, wall), floor) };
}

describe("a device's site time", () => {
  it("is unknown until a coordinator is heard", () => {
    const { clock } = device();
    expect(clock.now()).toBeUndefined();
    expect(clock.stamp()).toBeUndefined();
    expect(clock.forEntry()).toBe(0);
  });

  it("follows the coordinator's, the shortest way of the recent ones counting", () => {
    const { time, clock } = device();
    clock.heard(spring);
    time.run(seconds(10));
    clock.heard(shift(spring, seconds(9))); // one second late on its way
    expect(clock.now()).toBe(shift(spring, seconds(10)));
  });

  it("never stamps backwards: ahead by a second it runs at half speed until the site has caught up", () => {
    const { time, clock } = device();
    clock.heard(shift(spring, seconds(1)));
    expect(clock.stamp()).toBe(shift(spring, seconds(1)));
    clock.follow();
    for (let i = 0; i < 40; i++) clock.heard(spring); // another coordinator, a second behind
    expect(clock.stamp()).toBe(shift(spring, seconds(1)));
    time.run(seconds(0.5));
    expect(clock.stamp()).toBe(shift(spring, seconds(1.25)));
    time.run(seconds(4.5));
    expect(clock.stamp()).toBe(shift(spring, seconds(5)));
  });

  it("gives no stamp at all when it is more than 2 s ahead", () => {
    const { clock } = device();
    clock.heard(shift(spring, seconds(10)));
    clock.stamp();
    clock.follow();
    for (let i = 0; i < 40; i++) clock.heard(spring);
    expect(clock.stamp()).toBeUndefined();
  });
});

describe("a coordinator's site time", () => {
  it("does not go behind what the log carries, although its own clock woke up in 1970", () => {
    const { clock } = device(spring, 0);
    clock.lead();
    expect(clock.now()).toBe(spring);
  });

  it("goes on from what it heard as a follower", () => {
    const { time, clock } = device(siteTime(0), 0);
    clock.heard(spring);
    time.run(minutes(1));
    clock.lead();
    expect(clock.now()).toBeGreaterThanOrEqual(shift(spring, minutes(1)));
  });

  it("is the wall clock's where nothing else is known", () => {
    const { clock } = device();
    clock.lead();
    expect(clock.now()).toBe(spring);
    expect(clock.isSynced).toBe(true);
  });
});
