// A replicated log as a client of Raft may assume it, at its most hostile: what is committed stays, in order; what is not may be
// lost, or survive one failover or two, and commit under a coordinator that never heard who proposed it.

import type { Random } from "../../../src/base/ports/random.ts";
import { logIndex, type SiteTime, type Term, term } from "../../../src/base/units.ts";
import type { ModelCommand, ModelEntry } from "./counting-site.ts";

interface Waiting {
  readonly term: Term;
  readonly siteTime: SiteTime;
  readonly command: ModelCommand;
}

/** One coordinator's end of the log: what it appended or inherited, beyond the commit index at which it began. */
export class Reign {
  readonly term: Term;
  readonly device: number;
  /** `commit` when another coordinator last committed beyond this one; undefined: it is the newest. */
  deposedAt: number | undefined;
  readonly waiting: Waiting[];

  constructor(at: Term, device: number, inherited: readonly Waiting[]) {
    this.term = at;
    this.device = device;
    this.waiting = [...inherited];
  }
}

export class ModelLog {
  readonly committed: ModelEntry[] = [];
  #ghosts: Reign[] = [];
  #reign: Reign | undefined;
  #term = 0;

  get reign(): Reign | undefined {
    return this.#reign;
  }

  /** Deposed ones may append too: it goes where only a later failover could find it. */
  append(reign: Reign, siteTime: SiteTime, command: ModelCommand): void {
    reign.waiting.push({ term: reign.term, siteTime, command });
  }

  /** The next coordinator's log is the last one's, or an earlier one's if nothing was committed since: cut anywhere. */
  elect(device: number, random: Random, now: SiteTime): Reign {
    const candidates = this.#ghosts.filter(({ deposedAt }) => deposedAt === this.committed.length);
    if (this.#reign !== undefined) {
      this.#reign.deposedAt = this.committed.length;
      this.#ghosts = [...candidates, this.#reign].slice(-3);
      candidates.push(this.#reign);
    }
    const from = candidates[random.below(candidates.length + 1)]?.waiting ?? [];
    this.#term += 1;
    this.#reign = new Reign(term(this.#term), device, from.slice(0, random.below(from.length + 1)));
    this.append(this.#reign, now, { kind: "begin" });
    return this.#reign;
  }

  /** The next entry of the newest coordinator is on a majority; false: it has none. */
  commitNext(): boolean {
    const next = this.#reign?.waiting.shift();
    if (next === undefined) return false;
    this.committed.push({ ...next, index: logIndex(this.committed.length + 1) });
    return true;
  }
}
