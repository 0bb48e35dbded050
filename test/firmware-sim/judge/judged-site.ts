// A site as the judge sees it, made by hand: cards, what the sensors wrote down, and what a correct coordinator would publish
// for them. Each test breaks one thing of it.

import { expectWindows } from "../../../firmware-sim/judge/expected-windows.ts";
import { Judge } from "../../../firmware-sim/judge/judge.ts";
import type { DeviceEvidence, Verdict } from "../../../firmware-sim/judge/verdict.ts";
import { loadProfiles } from "../../../firmware-sim/profiles.ts";
import { planSite, simulatedTimes } from "../../../firmware-sim/site-plan.ts";
import { type DeviceId, siteId } from "../../../src/base/ids.ts";
import { seconds, siteTime } from "../../../src/base/units.ts";
import type { StoredReading } from "../../../src/readings/reading-log.ts";
import { quality } from "../../../src/readings/types.ts";

export const site = siteId("judged");
export const start = Date.UTC(2026, 0, 1);
const plan = planSite(loadProfiles(), { devices: 3, ...simulatedTimes });

/** What the tests change; the other fields stand beside them. */
interface Body {
  id: string;
  ts: number;
  count: number;
  edition: number;
  max: number;
  adds?: true;
  spanMs?: number;
  replaces?: string;
  replacedItems?: number;
}

export interface Item {
  topic: string;
  body: Body;
  isRetained: boolean;
}

export interface JudgedSite {
  cards: Map<DeviceId, StoredReading[]>;
  items: Item[];
  devices: DeviceEvidence[];
  faultsLeft: string[];
}

/** Three devices, four sensors each, 30 s at 1 Hz; every fifth instant of `pi-02.humidity` is missing. */
export function correctSite(): JudgedSite {
  const cards = new Map<DeviceId, StoredReading[]>();
  const folds = new Map<string, { series: string; ts: number; count: number; missing: number }>();
  for (const [sensor, { device, quantity }] of plan.sensors) {
    const card = cards.get(device) ?? [];
    cards.set(device, card);
    for (let k = 0; k < 30; k++) {
      const isMissing = sensor.startsWith("pi-02") && k % 5 === 0;
      const stamp = siteTime(start + k * 1000 + 250);
      card.push({ number: card.length + 1, sensor, stamp, value: k, quality: isMissing ? quality.missing : 0 });
      const ts = start + Math.floor(k / 10) * 10_000;
      const series = `all/${quantity}/${plan.devices.get(device)?.zone}`;
      const fold = folds.get(`${series}${ts}`) ?? { series, ts, count: 0, missing: 0 };
      folds.set(`${series}${ts}`, fold);
      fold[isMissing ? "missing" : "count"] += 1;
    }
  }
  const items = [...folds.values()]
    .sort((a, b) => a.ts - b.ts)
    .map(({ series, ts, count, missing }, i) => ({
      topic: `skein/1/${site}/aggregates/${series}`,
      body: {
        ts,
        spanMs: 10_000,
        count,
        sum: count * 2,
        mean: 2,
        min: 1,
        max: 3,
        p50: 2,
        p95: 3,
        p99: 3,
        missing,
        id: `1.${i + 1}`,
        term: 2,
        edition: 1,
      },
      isRetained: false,
    }));
  const devices = [...cards].map(([device, card]) => {
    const stored = card.filter((reading) => reading.quality === 0).length;
    return { device, sensed: stored, owed: stored, stored, kills: 0, readingsPerSecond: 4 };
  });
  return { cards, items, devices, faultsLeft: [] };
}

export function judged(
  { cards, items, devices, faultsLeft }: JudgedSite,
  others: readonly (Omit<Item, "body"> & { body: object })[] = [],
): Verdict {
  const judge = new Judge(site);
  for (const { topic, body, isRetained } of [...others, ...items]) {
    const message = judge.delivered({ topic, payload: Buffer.from(JSON.stringify(body)), isRetained });
    if (message?.kind === "site") judge.coordinator(message.term, message.coordinator);
  }
  return judge.verdict({
    expected: expectWindows(plan, cards.values()),
    devices,
    flushInterval: seconds(2),
    faultsLeft,
    troubles: [],
    sensing: { from: start, to: start + 30_000 },
  });
}

export function itemOf(judgedSite: JudgedSite, place: number): Item {
  const item = judgedSite.items[place];
  if (item === undefined) throw new Error(`no item ${place}`);
  return item;
}
