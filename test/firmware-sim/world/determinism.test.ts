// A seed is one history: whoever runs it, wherever, after whatever (DESIGN §12). All that the simulation finds rests on it.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { allCheckers } from "../../../firmware-sim/world/all-checkers.ts";
import { type PlanOptions, planOf, type WorldPlan } from "../../../firmware-sim/world/plan.ts";
import { runWorld, type WorldReport } from "../../../firmware-sim/world/run-world.ts";
import { partingOf, TraceDigest, type TraceMark } from "../../../firmware-sim/world/trace-digest.ts";

const seed = 7;
const minutes = 1;
const options: PlanOptions = { devices: 7, storm: minutes * 60_000 };
const run = (plan: WorldPlan = planOf(seed, options)): Promise<WorldReport> =>
  runWorld(seed, plan, allCheckers, { keepsMarks: true });

let known: Promise<WorldReport> | undefined;
/** The run that others are compared with. */
function firstRun(): Promise<WorldReport> {
  known ??= run();
  return known;
}

test("a seed gives the same digest again in the same process, after another seed (7 devices, a minute of faults)", async () => {
  const first = await firstRun();
  expect(first.violation).toBeUndefined();
  expect(first.events).toBeGreaterThan(2_000);
  const other = await runWorld(seed + 1, planOf(seed + 1, options), allCheckers);
  const again = await run();

  expect(partingOf(first.marks, again.marks)).toBeUndefined();
  expect(again.digest).toBe(first.digest);
  expect(other.digest).not.toBe(first.digest);
});

test("a seed gives the same digest in another process", async () => {
  const command = fileURLToPath(new URL("../../../dist/firmware-sim/world/simulate.js", import.meta.url));
  const numbers = ["--seed", `${seed}`, "--devices", `${options.devices}`, "--minutes", `${minutes}`];
  const { stdout } = await promisify(execFile)(process.execPath, [command, ...numbers]);

  expect(stdout.trim().split("\n").at(-1)).toBe(`digest ${(await firstRun()).digest}`);
});

test("chance from outside shows, and the marks tell where it came in (a power cut at a moment that no seed drew)", async () => {
  const { site } = planOf(seed, { devices: 7, storm: 20_000 });
  const at = 10_000;
  const withChance = (lasts: number): WorldPlan => ({
    site,
    faults: [{ kind: "power-cut", at, lasts, target: 1, strength: 0 }],
  });
  const [one, other] = [await run(withChance(5_000 + Math.random())), await run(withChance(5_001 + Math.random()))];

  expect(one.digest).not.toBe(other.digest);
  const parting = partingOf(one.marks, other.marks);
  if (parting === undefined) throw new Error("two digests, and no parting");
  // Founding and the first ten seconds are the same; the power comes back at two moments.
  expect(parting.after).toBeGreaterThan(1_000);
  expect(parting.before - parting.after).toBeLessThanOrEqual(1_000);
  expect(parting.at).toBeGreaterThan(at + 5_000);
});

test("runs part at the first mark that differs, also where one of them ends early", () => {
  const marks = (count: number, odd = Number.POSITIVE_INFINITY): readonly TraceMark[] => {
    const trace = new TraceDigest({ keepsMarks: true });
    for (let event = 1; event <= count; event++) trace.add(event, "here", "there", event === odd ? "odd" : "usual");
    return trace.marks;
  };
  expect(partingOf(marks(3_500), marks(3_500))).toBeUndefined();
  expect(partingOf(marks(3_500), marks(3_500, 1_700))).toEqual({ after: 1_000, before: 2_000, at: 2_000 });
  expect(partingOf(marks(3_500), marks(3_500, 3_499))).toEqual({ after: 3_000, before: 3_500, at: 3_500 });
  expect(partingOf(marks(3_500), marks(2_200))).toEqual({ after: 2_000, before: 2_200, at: 2_200 });
  expect(partingOf(marks(10), marks(10, 1))).toEqual({ after: 0, before: 10, at: 10 });
});
