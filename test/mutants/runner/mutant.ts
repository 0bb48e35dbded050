// A mutant: one bug as a patch against the repository's root, and lines that begin with `# ` on top of it which say what it is.
//
//   # What goes wrong, in a sentence or two.
//   # source: RAFT-CASES 14 (etcd#14370)                 where it happened to whom, or which promise it breaks
//   # breaks: committed-is-durable                       which checker or test should see it
//   # world: devices=5 minutes=3 seeds=6 faults=power-cut,disk-hang      how it is likely; or: none
//   # scenario: figure-8                               stories of the world that are to see it, tried before its seeds
//   # directed: test/raft/committing.test.ts             where the world cannot see it
//   # may-hang                                           running for ever counts as caught

import { scenarios } from "../../../firmware-sim/world/scenarios/all.ts";
import { SkeinError } from "../../../src/base/errors.ts";
import { noOverrides, readWorldOverrides, type WorldOverrides } from "./world-order.ts";

export interface Mutant {
  readonly name: string;
  readonly patch: string;
  /** What the bug is, for people. */
  readonly what: string;
  readonly source: string;
  readonly breaks: string;
  /** By name. */
  readonly scenarios: readonly string[];
  /** Undefined: seeds do not see it. */
  readonly world: WorldOverrides | undefined;
  /** Test files, from the root. */
  readonly directed: readonly string[];
  readonly mayHang: boolean;
}

const keys = new Set(["source", "breaks", "scenario", "world", "directed"]);

/** Fails with `invalid-argument` where the header lacks something or says what nobody understands. */
export function readMutant(name: string, patch: string): Mutant {
  const fields = new Map<string, string>();
  const prose: string[] = [];
  let mayHang = false;
  for (const line of patch.split("\n")) {
    if (!line.startsWith("#")) break;
    const text = line.slice(1).trim();
    const [, key = "", value = ""] = /^([a-z-]+): (.+)$/.exec(text) ?? [];
    if (text === "may-hang") mayHang = true;
    else if (keys.has(key)) fields.set(key, value);
    else prose.push(text);
  }
  const field = (key: string): string => {
    const value = fields.get(key);
    if (value === undefined) throw malformed(name, `its header has no line "# ${key}: …"`);
    return value;
  };
  if (prose.length === 0) throw malformed(name, "its header does not say what the bug is");
  const list = (key: string): readonly string[] => fields.get(key)?.split(/[\s,]+/) ?? [];
  const directed = list("directed");
  const told = list("scenario");
  const unknown = told.find((one) => scenarios.every((scenario) => scenario.name !== one));
  if (unknown !== undefined) throw malformed(name, `the world knows no scenario ${unknown}`);
  const world = fields.get("world");
  if (world === "none" && directed.length + told.length === 0)
    throw malformed(name, "neither the world nor a directed test is to see it");
  return {
    name,
    patch,
    what: prose.join(" "),
    scenarios: told,
    source: field("source"),
    breaks: field("breaks"),
    world: world === "none" ? undefined : world === undefined ? noOverrides : overrides(name, world),
    directed,
    mayHang,
  };
}

function overrides(name: string, text: string): WorldOverrides {
  const read = readWorldOverrides(text);
  if (typeof read === "string") throw malformed(name, read);
  return read;
}

const malformed = (name: string, why: string): SkeinError =>
  new SkeinError("invalid-argument", `The mutant ${name}: ${why}`);
