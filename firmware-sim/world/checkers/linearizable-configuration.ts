// To its clients each item of the site's configuration looks like one register on one machine (P2, P6; DESIGN §4 "ReadIndex";
// Herlihy & Wing 1990; RAFT-CASES 36-39).
//
// A recovery may take it back to an older value (docs/recovery.md): what was seen before it and what is seen from then on are two
// histories, and the second begins with the value that was kept. A write of unknown outcome may be in both.
//
// Items are independent, and so is what clients saw of them (linearizability is local): each is judged alone, when all was told.

import { type RegisterOperation, whyNotLinearizable } from "../books/register-history.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "linearizable-configuration";

export const linearizableConfiguration: CheckerOf = (world) => {
  /** Of the present generation; and those that are over. */
  const registers = new Map<string, RegisterOperation[]>();
  const over: (readonly [string, readonly RegisterOperation[]])[] = [];
  return {
    name,
    fellBack(key, value) {
      const before = registers.get(key) ?? [];
      const unknown = before.filter(({ kind, returned }) => kind === "write" && returned === undefined);
      over.push([key, before]);
      const kept: RegisterOperation = { kind: "write", called: world.now, returned: world.now, value };
      registers.set(key, [kept, ...unknown.filter((write) => write.value !== value)]);
    },
    operation({ kind, called, returned, outcome, key, value }) {
      // A refused write never took effect: it is not there, and who reads it reads what nobody wrote.
      if (outcome === "refused" || (kind === "read" && outcome !== "done")) return;
      const operations = registers.get(key) ?? [];
      if (operations.length === 0) registers.set(key, operations);
      operations.push({ kind, called, returned: outcome === "done" ? returned : undefined, value });
    },
    healed() {
      for (const [key, operations] of [...over, ...registers]) {
        const why = whyNotLinearizable(operations);
        if (why !== undefined) throw new Violation(name, `${key}: ${why}`);
      }
    },
  };
};
