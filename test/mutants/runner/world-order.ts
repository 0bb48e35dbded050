// Which worlds a mutant is tried in: what the seed draws, with the changes that make its bug likely.
//
// A rare bug needs no thousand seeds where it is known which kind of fault meets it; the mutant's header says so.

import { faultKind, faultKinds } from "../../../firmware-sim/world/fault-kinds.ts";
import { planOf, type WorldPlan } from "../../../firmware-sim/world/plan.ts";
import type { SeedOrder } from "../../../firmware-sim/world/seed-worker.ts";
import type { SitePlan } from "../../../firmware-sim/world/site.ts";

export interface WorldOverrides {
  readonly devices: number;
  /** Of faults. */
  readonly minutes: number;
  /** How many times as many faults as the seed would draw for so many minutes. */
  readonly often: number;
  readonly from: number;
  readonly seeds: number | undefined;
  /** Names of fault kinds; undefined: as the seed draws them. */
  readonly faults: readonly string[] | undefined;
  /** So many, with the habits that the seed draws in turn. */
  readonly clients: number | undefined;
  readonly site: Partial<SitePlan>;
}

/** Short, small and rough: five voters, and several times the faults of an ordinary run. */
export const noOverrides: WorldOverrides = {
  devices: 5,
  minutes: 1.5,
  often: 3,
  from: 1,
  seeds: undefined,
  faults: undefined,
  clients: undefined,
  site: {},
};

const numbers: ReadonlySet<string> = new Set(["devices", "minutes", "often", "from", "seeds", "clients"]);
const siteNumbers: ReadonlySet<string> = new Set([
  "sensorsEach",
  "sensorInterval",
  "window",
  "flushInterval",
  "outboxBytes",
]);

/** Of `devices=5 minutes=3 faults=power-cut,disk-hang areLogsSmall=true`; a sentence where it is none of it. */
export function readWorldOverrides(text: string): WorldOverrides | string {
  let read = noOverrides;
  for (const item of text.split(/\s+/)) {
    const [key = "", value = ""] = item.split("=");
    const number = Number(value);
    if (key === "faults") {
      const faults = value.split(",");
      const unknown = faults.find((name) => faultKinds.every((kind) => kind.name !== name));
      if (unknown !== undefined) return `the world knows no fault ${unknown}`;
      read = { ...read, faults };
    } else if (key === "areLogsSmall" || key === "areReadingsLogsSmall")
      read = { ...read, site: { ...read.site, [key]: value === "true" } };
    else if (!(number > 0)) return `"${item}" in its line "# world:" is no number above zero`;
    else if (numbers.has(key)) read = { ...read, [key]: number };
    else if (key === "brokers") {
      read = { ...read, site: { ...read.site, brokers: Array.from({ length: number }, () => undefined) } };
    } else if (siteNumbers.has(key)) read = { ...read, site: { ...read.site, [key]: number } };
    else return `"${key}" in its line "# world:" is nothing that a world has`;
  }
  return read;
}

/** Its plan is a pure function of the seed and the overrides, so that the control runs the very same. */
export function worldOrder(seed: number, overrides: WorldOverrides): SeedOrder {
  const { devices, minutes, often } = overrides;
  const storm = minutes * 60_000;
  const options = { devices, storm };
  const plan = planOf(seed, { devices, storm: storm * often });
  const dense = plan.faults.map((fault) => ({ ...fault, at: Math.floor(fault.at / often) }));
  const drawn = plan.site.clients;
  const clients = Array.from(
    { length: overrides.clients ?? drawn.length },
    (_, i) => drawn[i % drawn.length] ?? [],
  ).flat();
  const site = { ...plan.site, storm, clients, ...overrides.site };
  return { seed, options, plan: { site, faults: ofKinds(dense, overrides.faults) } };
}

/** The drawn faults at their times, but of these kinds. */
function ofKinds(faults: WorldPlan["faults"], kinds: readonly string[] | undefined): WorldPlan["faults"] {
  if (kinds === undefined) return faults;
  return faults.map((fault) => {
    const kind = faultKind(kinds[fault.target % kinds.length] ?? fault.kind);
    const [shortest, longest] = kind.lasts;
    const lasts = Math.floor(shortest + (longest - shortest) * fault.strength ** 2);
    // The kind has used up the last digits of the target.
    return { ...fault, kind: kind.name, lasts, target: Math.floor(fault.target / kinds.length) };
  });
}

/** A story told by hand, with the site that it has. */
export const scenarioOrder = (name: string): SeedOrder => ({
  seed: 1,
  options: { devices: noOverrides.devices, storm: 0 },
  scenario: name,
});
