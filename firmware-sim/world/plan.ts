// From a seed to a site and its faults ("swarm": each seed enables a random subset at random strength, so that each fault also
// comes without the others that would hide what it does).

import { SeededRandom } from "../seeded-random.ts";
import { drawHabits } from "./client-habits.ts";
import type { PlannedFault } from "./fault.ts";
import { faultKinds } from "./fault-kinds.ts";
import type { Scenario } from "./scenario.ts";
import type { SitePlan } from "./site.ts";

export interface WorldPlan {
  readonly site: SitePlan;
  readonly faults: readonly PlannedFault[];
  /** Played instead of faults. */
  readonly scenario?: Scenario;
}

export interface PlanOptions {
  readonly devices: number;
  /** Of the safety phase, in ms. */
  readonly storm: number;
}

const kindsMin = 4;
const faultsMin = 24;
/** Share of the sites whose outbox is small. */
const outboxesSmall = 0.4;
/** Share of the sites whose readings logs are small. */
const readingsLogsSmall = 0.4;
/** Faults beyond the least, at most, in ten minutes. */
const faultsMore = 40;

export function planOf(seed: number, { devices, storm }: PlanOptions): WorldPlan {
  const random = new SeededRandom(seed).fork("plan");
  const brokers = Array.from({ length: 1 + random.below(3) }, (_, i) =>
    random.fraction() < 0.4 ? `pi-${i + 1}` : undefined,
  );
  const isLarge = devices > 20;
  const site: SitePlan = {
    devices,
    brokers,
    sensorsEach: isLarge ? 1 : 1 + random.below(3),
    sensorInterval: isLarge ? 5_000 : 1_000 * (1 + random.below(3)),
    window: 10_000 * (1 + random.below(2)),
    flushInterval: 1_000 * (1 + random.below(5)),
    areLogsSmall: random.fraction() < 0.5,
    ...drawOutbox(new SeededRandom(seed).fork("outbox")),
    areReadingsLogsSmall: new SeededRandom(seed).fork("readings logs").fraction() < readingsLogsSmall,
    clients: drawHabits(random.fork("clients"), brokers.length),
    storm,
  };
  const faults = drawFaults(random, storm);
  if (site.outboxBytes !== undefined) {
    const away = uplinkAway(random, storm);
    faults.push(away, deviceAway(random, away));
  }
  if (site.areReadingsLogsSmall) faults.push(...longCuts(new SeededRandom(seed).fork("long cuts"), storm));
  return { site, faults: faults.sort((a, b) => a.at - b.at) };
}

/** From a source of its own: so the rest of a seed's plan is what it was. */
const drawOutbox = (random: SeededRandom): Pick<SitePlan, "outboxBytes"> => ({
  outboxBytes: random.fraction() < outboxesSmall ? 1_024 * (4 + random.below(16)) : undefined,
});

/** For so long that what waits is merged. */
function uplinkAway(random: SeededRandom, storm: number): PlannedFault {
  const lasts = Math.floor(storm * (0.6 + 0.3 * random.fraction()));
  const at = Math.floor((storm - lasts) * random.fraction());
  return { kind: "uplink-away", at, lasts, target: 0, strength: random.fraction() };
}

/** Two devices are cut off for so long that their readings logs fill; the second, perhaps, while the first still is. */
function longCuts(random: SeededRandom, storm: number): PlannedFault[] {
  return [0, 1].map(() => {
    const lasts = Math.floor(storm * (0.3 + 0.4 * random.fraction()));
    const at = Math.floor((storm - lasts) * random.fraction());
    // In both directions (faults/network.ts).
    return { kind: "device-cut", at, lasts, target: random.below(2 ** 20), strength: 0 };
  });
}

/** Meanwhile, for so long that windows leave without its readings. */
function deviceAway(random: SeededRandom, { at, lasts }: PlannedFault): PlannedFault {
  const [from, span] = [0.1 + 0.2 * random.fraction(), 0.4 + 0.3 * random.fraction()];
  const target = random.below(2 ** 20);
  return {
    kind: "device-cut",
    at: Math.floor(at + from * lasts),
    lasts: Math.floor(span * lasts),
    target,
    strength: 0,
  };
}

function drawFaults(random: SeededRandom, storm: number): PlannedFault[] {
  const share = 0.2 + 0.6 * random.fraction();
  let enabled = faultKinds.filter(() => random.fraction() < share);
  while (enabled.length < kindsMin) enabled = faultKinds.filter(() => random.fraction() < share);
  const total = enabled.reduce((sum, { weight }) => sum + weight, 0);
  const count = Math.ceil(((faultsMin + random.below(faultsMore)) * storm) / 600_000);
  const faults = Array.from({ length: count }, (): PlannedFault => {
    let at = random.fraction() * total;
    const kind = enabled.find(({ weight }) => {
      at -= weight;
      return at < 0;
    });
    const { name, lasts } = kind ?? enabled[0] ?? { name: "", lasts: [0, 0] as const };
    const strength = random.fraction();
    // Short ones are more frequent than long ones.
    const span = lasts[0] + (lasts[1] - lasts[0]) * random.fraction() ** 2;
    return {
      kind: name,
      at: Math.floor(random.fraction() * storm),
      lasts: Math.floor(span),
      target: random.below(2 ** 20),
      strength,
    };
  });
  return faults.sort((a, b) => a.at - b.at);
}
