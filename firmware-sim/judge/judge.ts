// The judge is outside the agents: it hears what any subscriber of the dashboard topic hears, and compares it with what the
// sensors wrote down and what the cards hold.

import type { DeviceId, SiteId } from "../../src/base/ids.ts";
import type { Term } from "../../src/base/units.ts";
import { type DashboardMessage, readDashboard } from "../../src/cli/dashboard/reader.ts";
import type { Delivery } from "../../src/cli/dashboard/tap.ts";
import { CoordinatorRegister } from "./coordinator-register.ts";
import { PublishedWindows, type WindowTotals } from "./published-windows.ts";
import { type Evidence, judgeRun, type Verdict } from "./verdict.ts";

export class Judge {
  readonly #site: SiteId;
  readonly #published = new PublishedWindows();
  readonly #coordinators = new CoordinatorRegister();
  readonly #violations: string[] = [];

  constructor(site: SiteId) {
    this.#site = site;
  }

  /** What is new in a delivery; undefined: a repeat. */
  delivered({ topic, payload, isRetained }: Delivery): DashboardMessage | undefined {
    const message = readDashboard(this.#site, topic, payload);
    switch (message.kind) {
      case "unreadable":
        this.#violations.push(`${message.topic}: ${message.why}`);
        return message;
      case "site":
        return message;
      case "event":
        if (message.id === undefined) return message;
        return this.#published.item(message.id, topic, payload, !isRetained) === "first" ? message : undefined;
      case "aggregate":
        if (this.#published.item(message.values.id, topic, payload, !isRetained) !== "first") return undefined;
        this.#published.aggregate(message.values);
        return message;
    }
  }

  /** Somebody says that it leads, or who does. True when this term's coordinator was not known. */
  coordinator(term: Term, coordinator: DeviceId): boolean {
    return this.#coordinators.seen(term, coordinator);
  }

  get counted(): number {
    return this.#published.counted;
  }

  get elections(): number {
    return this.#coordinators.elections;
  }

  windows(): WindowTotals {
    return this.#published.totals();
  }

  /** `troubles`: what else went wrong that never may. */
  verdict(evidence: Omit<Evidence, "published" | "violations"> & { readonly troubles: readonly string[] }): Verdict {
    const violations = [...this.#violations, ...this.#coordinators.violations(), ...evidence.troubles];
    return judgeRun({ ...evidence, published: this.#published, violations });
  }
}
