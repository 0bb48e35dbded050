import { randomBytes, randomInt } from "node:crypto";
import type { Random } from "../base/ports/random.ts";

/** The operating system's generator: unpredictable, as attempt numbers, incarnations and keys need it. */
export const systemRandom: Random = {
  // 48 bits: as many as one draw of `randomInt` gives.
  fraction: () => randomInt(2 ** 48 - 1) / (2 ** 48 - 1),
  below: (bound) => randomInt(bound),
  bytes: (count) => new Uint8Array(randomBytes(count)),
};
