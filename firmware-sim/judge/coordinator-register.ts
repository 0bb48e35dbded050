// One coordinator per term (P1), from whatever tells an outsider who leads.

import type { DeviceId } from "../../src/base/ids.ts";
import type { Term } from "../../src/base/units.ts";

export class CoordinatorRegister {
  readonly #byTerm = new Map<Term, DeviceId>();
  readonly #violations: string[] = [];

  /** True when this is a coordinator that was not known. */
  seen(term: Term, coordinator: DeviceId): boolean {
    const known = this.#byTerm.get(term);
    if (known === undefined) {
      this.#byTerm.set(term, coordinator);
      return true;
    }
    if (known !== coordinator) this.#violations.push(`term ${term} had two coordinators: ${known} and ${coordinator}`);
    return false;
  }

  /** Terms that had a coordinator. */
  get elections(): number {
    return this.#byTerm.size;
  }

  violations(): readonly string[] {
    return this.#violations;
  }
}
