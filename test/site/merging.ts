// What a coordinator without an uplink does to the outbox, without the waiting: look through it, plan, read, propose.

import { crc32 } from "../../src/base/hash.ts";
import { limits } from "../../src/base/limits.ts";
import { type MergePlan, MergePlanner, scanItem } from "../../src/site/degrade-plan.ts";
import { mergeItems } from "../../src/site/merge-items.ts";
import { decodeOutboxItem, ItemsCheck, type OutboxItem } from "../../src/site/outbox.ts";
import type { Command } from "../../src/site/types.ts";
import type { Site, StoredCells } from "./site-fixture.ts";

type Merging = Pick<Site, "state">;
export type Degrade = Extract<Command, { readonly kind: "degrade" }>;

function bytesOf({ state }: Merging, number: number, stored: StoredCells | undefined): Uint8Array | undefined {
  const key = state.outbox.itemKey(number);
  return state.cell(key) ?? (state.outbox.holds(number) ? stored?.get(key) : undefined);
}

function itemOf(s: Merging, number: number, stored: StoredCells | undefined): OutboxItem | undefined {
  const bytes = bytesOf(s, number, stored);
  return bytes === undefined ? undefined : decodeOutboxItem(bytes);
}

/** Items that wait, by number. */
export function waiting(s: Merging, stored?: StoredCells): ReadonlyMap<number, OutboxItem> {
  const items = new Map<number, OutboxItem>();
  for (let number = s.state.outbox.first; number < s.state.outbox.next; number++) {
    const item = itemOf(s, number, stored);
    if (item !== undefined) items.set(number, item);
  }
  return items;
}

export function plansOf(s: Merging, stored?: StoredCells): readonly MergePlan[] {
  const planner = new MergePlanner();
  for (const [number, item] of waiting(s, stored)) {
    const scanned = scanItem(number, item);
    if (scanned !== undefined) planner.add(scanned);
  }
  const { closedUpTo, outbox } = s.state;
  const planning = planner.plans({ first: outbox.first, closedUpTo, pending: s.state.pendingWindows() });
  for (;;) {
    const step = planning.next();
    if (step.done === true) return step.value;
  }
}

/** The entry for these plans; undefined where there is nothing to merge. */
export function degradeOf(s: Merging, plans = plansOf(s), stored?: StoredCells): Degrade | undefined {
  const items = waiting(s, stored);
  const merges = plans.slice(0, limits.degradeMerges).flatMap((plan) => mergeItems(plan, items) ?? []);
  if (merges.length === 0) return undefined;
  const check = new ItemsCheck();
  for (const number of merges.flatMap(({ numbers }) => numbers)) {
    check.add(crc32(bytesOf(s, number, stored) ?? new Uint8Array(0)));
  }
  return { kind: "degrade", next: s.state.outbox.next, check: check.value, merges };
}
