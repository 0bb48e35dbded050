// How much the clients of a site ask, and whom: drawn from the seed ("swarm"), so that each way of asking also comes alone.
//
// What a wrong read or a lost write needs to be seen is somebody who asks the wrong device at the right moment. So each broker has
// a watcher, which goes on asking any device that this broker shows, whatever was cut off elsewhere; and when a write is answered,
// others ask at once for what was written.

import type { Random } from "../../src/base/ports/random.ts";
import { type Duration, milliseconds } from "../../src/base/units.ts";

export interface ClientHabits {
  /** Between two operations, on average. */
  readonly pause: Duration;
  /** Fraction of its operations that write. */
  readonly writes: number;
  /** So many devices it reads from at once when another client's write was answered. */
  readonly echoes: number;
  /** It does not wait for one answer before it asks again. */
  readonly isImpatient: boolean;
}

const writers = 4;
const echoesMax = 2;

/** Client number i stands at broker i modulo their number: the watchers, which come last, at one each. */
export function drawHabits(random: Random, brokers: number): readonly ClientHabits[] {
  const isCalm = random.fraction() < 0.2;
  const clients = Array.from({ length: writers }, (_, number): ClientHabits => {
    const usual = { pause: milliseconds(4_000), writes: 0.6, echoes: 0, isImpatient: false };
    if (isCalm) return usual;
    // Who writes fast is there in every seed: in a storm most attempts end in a time-out.
    const isBusy = number === 0;
    return {
      ...usual,
      pause: milliseconds(isBusy ? 1_000 : 1_000 + 4_000 * random.fraction()),
      writes: isBusy ? 0.9 : 0.2 + 0.6 * random.fraction(),
      echoes: random.below(echoesMax + 1),
    };
  });
  const watchers = Array.from({ length: brokers }, (): ClientHabits => {
    const pause = milliseconds(isCalm ? 4_000 : 500 + 4_000 * random.fraction());
    return { pause, writes: 0, echoes: isCalm ? 0 : 1 + random.below(echoesMax), isImpatient: true };
  });
  return [...clients, ...watchers];
}
