// Fewer faults that break the same promise: delta debugging (Zeller & Hildebrandt, "Simplifying and Isolating Failure-Inducing
// Input", 2002) over a plan's faults. Leaving one out does not shift the others, so what remains is the story.

import type { PlannedFault } from "./fault.ts";

/** `fails`: the plan with these faults alone breaks the promise again. At most `triesMax` runs. */
export async function shrinkFaults(
  faults: readonly PlannedFault[],
  fails: (faults: readonly PlannedFault[]) => Promise<boolean>,
  triesMax: number,
): Promise<readonly PlannedFault[]> {
  let left = faults;
  let tries = 0;
  for (let parts = 2; left.length > 0 && parts <= 2 * left.length && tries < triesMax; ) {
    const size = Math.ceil(left.length / parts);
    let hasShrunk = false;
    for (let from = 0; from < left.length && tries < triesMax; from += size) {
      const without = [...left.slice(0, from), ...left.slice(from + size)];
      tries += 1;
      if (await fails(without)) {
        left = without;
        hasShrunk = true;
        break;
      }
    }
    if (hasShrunk) parts = Math.max(2, parts - 1);
    else if (size === 1) break;
    else parts *= 2;
  }
  return left;
}
