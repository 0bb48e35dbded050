import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { milliseconds } from "../../src/base/units.ts";
import { SystemClock } from "../../src/host/system-clock.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

describe("the system's clock", () => {
  it("never fires early (50 timers of 0 to 5 ms)", async () => {
    const clock = new SystemClock();
    const early = await Promise.all(
      Array.from({ length: 50 }, (_, i) => {
        const due = clock.now() + i / 10;
        return new Promise<boolean>((resolve) => {
          clock.after(milliseconds(i / 10), "test", () => resolve(clock.now() < due));
        });
      }),
    );
    expect(early.filter(Boolean)).toEqual([]);
  });

  it("does not fire what was cancelled, and cancelling twice or late is nothing", async () => {
    const clock = new SystemClock();
    let fired = 0;
    const cancelled = clock.after(milliseconds(1), "test", () => (fired += 10));
    cancelled.cancel();
    cancelled.cancel();
    await new Promise<void>((resolve) => {
      const last = clock.after(milliseconds(5), "test", () => {
        fired += 1;
        resolve();
      });
      clock.after(milliseconds(0), "test", () => fired).cancel();
      expect(last).toBeDefined();
    });
    expect(fired).toBe(1);
  });

  it("takes a delay that Node's timers cannot hold for what it is (40 days)", async () => {
    const clock = new SystemClock();
    let hasFired = false;
    const timer = clock.after(milliseconds(40 * 86_400_000), "test", () => (hasFired = true));
    await new Promise<void>((resolve) => clock.after(milliseconds(5), "test", resolve));
    timer.cancel();
    expect(hasFired).toBe(false);
  });

  it("runs what is soon in order, after what is ready", async () => {
    const clock = new SystemClock();
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      clock.soon(() => order.push("first"));
      clock.soon(() => {
        order.push("second");
        resolve();
      });
      order.push("now");
    });
    expect(order).toEqual(["now", "first", "second"]);
  });

  it("calls the wall clock synchronised only on evidence of either kind, looked at anew by a new clock", () => {
    const directory = temporaryDirectory();
    const file = join(directory.path, "synchronized");
    const evidence = [join(directory.path, "of-another-service"), file];
    expect(new SystemClock(evidence).wall().synchronized).toBe(false);
    writeFileSync(file, "");
    const clock = new SystemClock(evidence);
    expect(clock.wall().synchronized).toBe(true);
    expect(Math.abs(clock.wall().time - Date.now())).toBeLessThan(1_000);
    rmSync(file);
    expect(new SystemClock(evidence).wall().synchronized).toBe(false);
    directory.remove();
  });
});
