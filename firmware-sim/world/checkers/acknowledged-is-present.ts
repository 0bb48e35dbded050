// What was acknowledged is there when all is quiet again (P2): the last read of each item, after its last acknowledged write, shows
// that write, or one that may have come after it. A recovery that falls back counts as a write of what it keeps.
//
// Linearizability says as much where such a read is made. This one also insists that it is made, so that a run in which nobody
// looked is not taken for one in which nothing was lost.

import { type CheckerOf, type ClientOperation, Violation } from "../checker.ts";

const name = "acknowledged-is-present";

interface Item {
  /** By value. */
  readonly writes: Map<string | undefined, ClientOperation>;
  /** The acknowledged write that was called last, and when the last one was answered. */
  newest: ClientOperation | undefined;
  settled: number;
  lastRead: ClientOperation | undefined;
}

export const acknowledgedIsPresent: CheckerOf = (world) => {
  const items = new Map<string, Item>();

  const look = (key: string, { writes, newest, settled, lastRead }: Item): void => {
    if (newest === undefined) return;
    if (lastRead === undefined || lastRead.called < settled) {
      throw new Violation(name, `nobody read ${key} after ${newest.value} was acknowledged at ${settled}`);
    }
    const shown = writes.get(lastRead.value);
    const isOverwritten = shown?.returned !== undefined && shown.outcome === "done" && shown.returned < newest.called;
    if (shown !== undefined && shown.outcome !== "refused" && !isOverwritten) return;
    throw new Violation(
      name,
      `${key} shows ${lastRead.value ?? "nothing"} in the end; ${newest.value} was acknowledged and never overwritten by that`,
    );
  };

  return {
    name,
    operation(operation) {
      const { kind, key, value, outcome, returned } = operation;
      const item: Item = items.get(key) ?? {
        writes: new Map(),
        newest: undefined,
        settled: Number.NEGATIVE_INFINITY,
        lastRead: undefined,
      };
      items.set(key, item);
      if (kind === "read") {
        if (outcome === "done" && operation.called >= (item.lastRead?.called ?? 0)) item.lastRead = operation;
        return;
      }
      item.writes.set(value, operation);
      if (outcome !== "done" || returned === undefined) return;
      item.settled = Math.max(item.settled, returned);
      if (operation.called >= (item.newest?.called ?? 0)) item.newest = operation;
    },
    fellBack(key, value) {
      const now = world.now;
      const kept: ClientOperation = {
        client: "recovery",
        kind: "write",
        called: now,
        returned: now,
        outcome: "done",
        key,
        value,
      };
      const writes = new Map(items.get(key)?.writes).set(value, kept);
      items.set(key, { writes, newest: kept, settled: now, lastRead: undefined });
    },
    healed() {
      for (const [key, item] of items) look(key, item);
    },
  };
};
