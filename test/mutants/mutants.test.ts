// The mutants' runner is worth as much as what it refuses: a harmless patch, one that no longer applies, one that does not build.

import { describe, expect, it } from "vitest";
import { runMutants } from "./runner/catalogue.ts";
import { readMutant } from "./runner/mutant.ts";
import { isCaught } from "./runner/table.ts";

const options = { explain: true, seeds: 1, budget: 60, hangsAfterSeconds: 60, threads: 1 };
const head = "# A bug.\n# source: this test\n# breaks: something\n";
const short = "# world: devices=3 minutes=0.2 faults=power-cut\n";

/** In `src/raft/applying.ts`. */
const patchOf = (from: string, to: string, file = "src/raft/applying.ts"): string => `--- a/${file}
+++ b/${file}
@@ -1,3 +1,3 @@
-${from}
+${to}
 //
 // A voter applies only what is synced, so that its state is never ahead of its log (RAFT-CASES 46). A learner's state is in
`;
const firstLine = "// What may be handed to the state machine, and how far it has come.";

async function outcomeOf(patch: string) {
  const {
    results: [result],
  } = await runMutants([{ name: "one", patch }], options);
  if (result === undefined) throw new Error("no result");
  return { ...result.outcome, isCaught: isCaught(result) };
}

describe("a mutant", () => {
  it("whose bug the world sees is caught (voters promise what is not on their disks)", async () => {
    const patch = `${head}${short}--- a/src/raft/outbox.ts
+++ b/src/raft/outbox.ts
@@ -22,5 +22,5 @@
 
   send(to: MemberKey, message: RaftMessage, after?: number): void {
-    if (after === undefined) this.#first.push({ kind: "send", to, message });
+    if (after === undefined || after > 0) this.#first.push({ kind: "send", to, message });
     else this.#last.push({ kind: "send", to, message, after });
   }
`;
    expect(await outcomeOf(patch)).toMatchObject({ isCaught: true, kind: "world", checker: "vote-safety", seed: 1 });
  }, 60_000);

  it("that changes nothing survives, and is seen to change nothing", async () => {
    const patch = head + short + patchOf(firstLine, "// Another comment.");
    expect(await outcomeOf(patch)).toEqual({ isCaught: false, kind: "survived", seeds: 1, same: 1 });
  }, 60_000);

  it("that no longer applies is an error", async () => {
    const patch = head + short + patchOf("// What stood here last year.", "// Another comment.");
    expect(await outcomeOf(patch)).toMatchObject({
      isCaught: false,
      kind: "error",
      why: expect.stringMatching(/no longer applies/),
    });
  });

  it("that does not build is an error", async () => {
    const patch = head + short + patchOf(firstLine, "function {");
    expect(await outcomeOf(patch)).toMatchObject({
      isCaught: false,
      kind: "error",
      why: expect.stringMatching(/does not build/),
    });
  });

  it("outside of src/ is an error", async () => {
    const patch = head + short + patchOf(firstLine, "// Another.", "firmware-sim/world/world.ts");
    expect(await outcomeOf(patch)).toMatchObject({
      isCaught: false,
      kind: "error",
      why: expect.stringMatching(/a bug in src/),
    });
  });

  it("is caught by the directed test that it names, where the world is not to see it", async () => {
    const patch = `${head}# world: none
# directed: test/raft/voters.test.ts
--- a/src/raft/voters.ts
+++ b/src/raft/voters.ts
@@ -36,5 +36,5 @@
   let count = 0;
   for (const member of members) if (holds(member)) count += 1;
-  return 2 * count > members.length;
+  return 2 * count >= members.length;
 }
 
`;
    expect(await outcomeOf(patch)).toMatchObject({ isCaught: true, kind: "directed" });
  }, 60_000);
});

describe("a mutant's header", () => {
  it.each([
    ["says what the bug is", "# source: a\n# breaks: b\n", /does not say what the bug is/],
    ["says where it comes from", "# A bug.\n# breaks: b\n", /# source:/],
    ["names faults that the world knows", `${head}# world: faults=earthquake\n`, /no fault earthquake/],
    ["names a number where one is due", `${head}# world: minutes=soon\n`, /no number above zero/],
    ["leaves somebody to see it", `${head}# world: none\n`, /neither the world nor a directed test/],
  ])("%s", (_, header, why) => {
    expect(() => readMutant("one", header)).toThrow(why);
  });
});
