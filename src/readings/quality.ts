// The flags of a reading that its value alone does not show: out of the sensor's range, or unchanged for too long.

import { between, type Duration, type Instant } from "../base/units.ts";
import { quality } from "./types.ts";

export interface QualityRules {
  readonly range: { readonly min: number; readonly max: number } | undefined;
  /** The same value for longer is flagged: a sensor that hangs goes on answering. */
  readonly stuckAfter: Duration | undefined;
}

/** One sensor's. Flagged readings count all the same. */
export class QualityJudge {
  readonly #rules: QualityRules;
  #value: number | undefined;
  #since: Instant | undefined;

  constructor(rules: QualityRules) {
    this.#rules = rules;
  }

  /** Quality bits of `value`, read at `at`. */
  judge(value: number, at: Instant): number {
    const { range, stuckAfter } = this.#rules;
    if (value !== this.#value || this.#since === undefined) {
      this.#value = value;
      this.#since = at;
    }
    const isOut = range !== undefined && (value < range.min || value > range.max);
    const isStuck = stuckAfter !== undefined && between(this.#since, at) > stuckAfter;
    return (isOut ? quality.outOfRange : 0) | (isStuck ? quality.stuck : 0);
  }
}
