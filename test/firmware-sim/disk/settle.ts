import type { VirtualTime } from "../../../firmware-sim/virtual-clock.ts";
import { instant } from "../../../src/base/units.ts";

const forEver = instant(Number.POSITIVE_INFINITY);

/** Runs the world's events one by one until `promise` is settled; fails when none is left and it is not. */
export async function settle<T>(time: VirtualTime, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const end = () => {
    isSettled = true;
  };
  promise.then(end, end);
  for (;;) {
    // Everything that waits for the event just run.
    await new Promise(setImmediate);
    if (isSettled) return await promise;
    if (!time.runNext(forEver)) throw new Error("Nothing is left to happen, and the promise is not settled");
  }
}
