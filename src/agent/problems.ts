// What a person should know and nobody else can decide: said once in the log, and in status for as long as it lasts.

import type { Clock } from "../base/ports/clock.ts";
import type { Logger } from "../base/ports/logger.ts";
import { between, type Instant, minutes } from "../base/units.ts";

export type ProblemKind =
  /** Another founding of this site is heard: two generations with one number. */
  | "other-founding"
  /** A coordinator contradicted what is committed here. */
  | "contradicted"
  /** The state here is not the coordinator's. */
  | "diverged"
  /** Another copy of a device asks to join, or has taken its place. */
  | "copies"
  /** A clock that says it is synchronised differs from site time. */
  | "clock-source"
  /** The removed member is this very device. */
  | "removed";

/** What was not seen again for so long is over. */
const lasts = minutes(5);

export class Problems {
  readonly #ports: { readonly clock: Clock; readonly logger: Logger };
  /** One of each kind, the newest. */
  readonly #known = new Map<ProblemKind, { readonly text: string; readonly at: Instant }>();

  constructor(ports: { readonly clock: Clock; readonly logger: Logger }) {
    this.#ports = ports;
  }

  note(kind: ProblemKind, text: string): void {
    const known = this.#current(kind);
    if (known !== text) this.#ports.logger.error({ problem: kind }, text);
    this.#known.set(kind, { text, at: this.#ports.clock.now() });
  }

  all(): readonly string[] {
    return [...this.#known.keys()].flatMap((kind) => this.#current(kind) ?? []);
  }

  #current(kind: ProblemKind): string | undefined {
    const known = this.#known.get(kind);
    return known === undefined || between(known.at, this.#ports.clock.now()) > lasts ? undefined : known.text;
  }
}
