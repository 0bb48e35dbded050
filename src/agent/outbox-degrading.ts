// While the uplink is away for long, the coordinator makes room in the outbox: older windows that wait become coarser
// (DESIGN §9; docs/decisions/0006). Begun when the outbox is nearly full, one entry at a time, until there is room for hours.
//
// Not while the uplink is there: what is being sent makes room by itself. Where nothing can be merged any more, the outbox fills
// up, windows are no longer closed, and readings wait on their devices: coarser than a day nothing becomes.

import { encode } from "../base/cbor.ts";
import { isSkeinError } from "../base/errors.ts";
import { crc32 } from "../base/hash.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Logger } from "../base/ports/logger.ts";
import { between, type Instant, minutes } from "../base/units.ts";
import type { Replica } from "../replica/replica.ts";
import { contradicts, type MergePlan, MergePlanner, scanItem } from "../site/degrade-plan.ts";
import { packMerge } from "../site/merge-codec.ts";
import { mergeItems } from "../site/merge-items.ts";
import { decodeOutboxItem, ItemsCheck, type OutboxItem } from "../site/outbox.ts";
import type { Command, OutboxMerge } from "../site/types.ts";

type DegradedReplica = Pick<Replica, "state" | "readCell" | "propose">;

/** After nothing was found, or something came between again and again. */
const restInterval = minutes(1);
const triesMax = 3;
/** Items read in one go: decoding them never holds the loop for long. */
const itemsAtOnce = 64;

export class OutboxDegrading {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #replica: DegradedReplica;
  /** This device is coordinator, and has no uplink. */
  readonly #isWanted: () => boolean;
  #isRunning = false;
  #restedAt: Instant | undefined;

  constructor(
    ports: { readonly clock: Clock; readonly logger: Logger },
    replica: DegradedReplica,
    isWanted: () => boolean,
  ) {
    this.#clock = ports.clock;
    this.#logger = ports.logger;
    this.#replica = replica;
    this.#isWanted = isWanted;
  }

  /** The outbox has grown, or time has passed. */
  look(): void {
    const { outbox, bounds } = this.#replica.state;
    if (this.#isRunning || outbox.bytes < bounds.outboxHighBytes || !this.#isWanted()) return;
    if (this.#restedAt !== undefined && between(this.#restedAt, this.#clock.now()) < restInterval) return;
    this.#isRunning = true;
    this.#makeRoom().then(
      (isDone) => this.#ended(isDone),
      (failure: unknown) => {
        if (!isSkeinError(failure)) throw failure;
        this.#logger.warn({ why: failure.message }, "what waits for the uplink cannot be read");
        this.#ended(false);
      },
    );
  }

  #ended(isDone: boolean): void {
    this.#isRunning = false;
    this.#restedAt = isDone ? undefined : this.#clock.now();
  }

  get #hasRoom(): boolean {
    const { outbox, bounds } = this.#replica.state;
    return outbox.bytes <= bounds.outboxLowBytes;
  }

  /** True once there is room, or none is wanted any more. */
  async #makeRoom(): Promise<boolean> {
    const { bytes, count } = this.#replica.state.outbox;
    this.#logger.info({ bytes, items: count }, "the outbox is nearly full: older windows become coarser");
    for (let tries = 0; tries < triesMax; tries++) {
      const planned = await this.#plan();
      if (planned === undefined) return true;
      const { plans, next } = planned;
      if (plans.length === 0) {
        this.#logger.warn({ bytes: this.#replica.state.outbox.bytes }, "nothing that waits can become coarser");
        return false;
      }
      const progress = await this.#carryOut(plans, next);
      if (this.#hasRoom || !this.#isWanted()) return true;
      if (progress > 0) tries = 0;
    }
    return false;
  }

  /** As many of the plans as nothing comes between; answers how many. `next`: of the outbox that was planned on. */
  async #carryOut(plans: readonly MergePlan[], next: number): Promise<number> {
    let seen = next;
    for (let place = 0; place < plans.length; ) {
      if (this.#hasRoom || !this.#isWanted()) return place;
      const { merges, check, taken } = await this.#merges(plans.slice(place));
      const now = this.#unlessContradicted(plans.slice(place, place + taken), seen);
      if (merges.length === 0 || now === undefined) return place;
      if (!(await this.#propose({ kind: "degrade", next: now, check, merges }))) return place;
      place += taken;
      seen = now;
    }
    return plans.length;
  }

  /** Undefined: it is not wanted any more. Half an outbox makes no plan: a later edition may wait at its end. */
  async #plan(): Promise<{ plans: readonly MergePlan[]; next: number } | undefined> {
    const { first, next } = this.#replica.state.outbox;
    const planner = new MergePlanner();
    for (let number = first; number < next; number++) {
      if (number % itemsAtOnce === 0) {
        await this.#pause();
        if (!this.#isWanted()) return undefined;
      }
      if (!this.#replica.state.outbox.holds(number)) continue;
      const item = (await this.#read(number))?.item;
      const found = item === undefined ? undefined : scanItem(number, item);
      if (found !== undefined) planner.add(found);
    }
    const { closedUpTo } = this.#replica.state;
    const planning = planner.plans({ first, closedUpTo, pending: this.#replica.state.pendingWindows() });
    for (;;) {
      const step = planning.next();
      if (step.done === true) return { plans: step.value, next };
      await this.#pause();
      if (!this.#isWanted()) return undefined;
    }
  }

  /** The next item's number now, if none added from `seen` on is a later edition of a window in these plans. */
  #unlessContradicted(plans: readonly MergePlan[], seen: number): number | undefined {
    const { outbox } = this.#replica.state;
    for (let number = seen; number < outbox.next; number++) {
      const item = outbox.item(number);
      const added = item === undefined ? undefined : scanItem(number, item);
      if (added === undefined || plans.some((plan) => contradicts(added, plan))) return undefined;
    }
    return outbox.next;
  }

  /** As many of the plans as one entry takes. */
  async #merges(plans: readonly MergePlan[]): Promise<{ merges: OutboxMerge[]; check: number; taken: number }> {
    const merges: OutboxMerge[] = [];
    const check = new ItemsCheck();
    let bytes = 0;
    let numbers = 0;
    for (const plan of plans.slice(0, limits.degradeMerges)) {
      const items = new Map<number, OutboxItem>();
      const checks: number[] = [];
      for (const { number } of plan.items) {
        const read = await this.#read(number);
        if (read === undefined) break;
        items.set(number, read.item);
        checks.push(read.check);
        if (items.size % itemsAtOnce === 0) await this.#pause();
      }
      await this.#pause();
      const merge = mergeItems(plan, items);
      if (merge === undefined) break;
      bytes += encode(packMerge(merge)).length;
      numbers += merge.numbers.length;
      if (merges.length > 0 && (bytes > limits.degradeEntryBytes || numbers > limits.degradeEntryItems)) break;
      merges.push(merge);
      for (const each of checks) check.add(each);
    }
    return { merges, check: check.value, taken: merges.length };
  }

  #propose(command: Extract<Command, { readonly kind: "degrade" }>): Promise<boolean> {
    return new Promise((settled) => {
      this.#replica.propose(command, (result) => {
        if (result.kind === "refused") this.#logger.debug({ ...result }, "the site refused to merge what waits");
        settled(result.kind === "done");
      });
    });
  }

  /** Undefined: it is no longer there. */
  async #read(number: number): Promise<{ item: OutboxItem; check: number } | undefined> {
    const bytes = await this.#replica.readCell(this.#replica.state.outbox.itemKey(number));
    const item = bytes === undefined ? undefined : decodeOutboxItem(bytes);
    return bytes === undefined || item === undefined ? undefined : { item, check: crc32(bytes) };
  }

  #pause(): Promise<void> {
    return new Promise((settled) => this.#clock.soon(settled));
  }
}
