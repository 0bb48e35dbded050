// The dashboard topic as messages with names: what is under `aggregates/`, `events/` and `site` of one site.

import { type DeviceId, isDeviceId, type SiteId } from "../../base/ids.ts";
import type { Term } from "../../base/units.ts";
import { type ItemRange, parseItemId, parseRanges } from "../../site/item-id.ts";

/** One aggregate as it arrived; `series` is `{aggregation}/{group…}` out of the topic. */
export interface AggregateValues {
  readonly series: string;
  readonly id: string;
  /** Start of the window, ms. */
  readonly ts: number;
  readonly count: number;
  readonly missing: number;
  readonly edition: number;
  /** A supplement: adds to the window instead of replacing its value. */
  readonly adds: boolean;
  /** Merged while the uplink was away: it stands for the items of its series, with the same `adds`, whose id is in a range. */
  readonly replaces: readonly ItemRange[] | undefined;
  /** How many items these are. */
  readonly replacedItems: number;
  readonly spanMs: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly p95: number;
  readonly term: number;
}

export type DashboardMessage =
  | { readonly kind: "aggregate"; readonly values: AggregateValues }
  | {
      readonly kind: "site";
      readonly coordinator: DeviceId;
      readonly term: Term;
      readonly why: string;
      readonly revision: number;
    }
  | {
      readonly kind: "event";
      readonly id: string | undefined;
      readonly ts: number;
      readonly name: string;
      readonly text: string;
    }
  | { readonly kind: "unreadable"; readonly topic: string; readonly why: string };

export const dashboardTopic = (site: SiteId): string => `skein/1/${site}`;

/** Topic filters that together are the dashboard topic. */
export const dashboardFilters = (site: SiteId): readonly string[] =>
  ["aggregates/#", "events/#", "site"].map((rest) => `${dashboardTopic(site)}/${rest}`);

export function readDashboard(site: SiteId, topic: string, payload: Uint8Array): DashboardMessage {
  const rest = topic.slice(dashboardTopic(site).length + 1);
  const unreadable = (why: string): DashboardMessage => ({ kind: "unreadable", topic, why });
  let data: unknown;
  try {
    data = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return unreadable("not JSON");
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) return unreadable("not a JSON object");
  const fields = data as Readonly<Record<string, unknown>>;
  if (rest === "site") return readSite(fields) ?? unreadable("no coordinator, term, why or revision");
  if (rest.startsWith("events/")) return readEvent(rest.slice("events/".length), fields);
  if (rest.startsWith("aggregates/")) return readAggregate(rest.slice("aggregates/".length), fields, unreadable);
  return unreadable("not a topic of the dashboard");
}

type Fields = Readonly<Record<string, unknown>>;

function readSite({ coordinator, term, why, revision }: Fields): DashboardMessage | undefined {
  if (!isDeviceId(coordinator) || !isCount(term) || !isCount(revision)) return undefined;
  return { kind: "site", coordinator, term: term as Term, why: typeof why === "string" ? why : "", revision };
}

function readEvent(name: string, { id, ts, text, device }: Fields): DashboardMessage {
  const said = typeof text === "string" ? text : `${name} ${typeof device === "string" ? device : ""}`.trim();
  return { kind: "event", id: isItem(id) ? id : undefined, ts: isCount(ts) ? ts : 0, name, text: said };
}

function readAggregate(
  series: string,
  fields: Fields,
  unreadable: (why: string) => DashboardMessage,
): DashboardMessage {
  const { id, adds, ts, spanMs, count, missing, edition, term, mean, min, max, p95 } = fields;
  const { replaces: replaced, replacedItems } = fields;
  const replaces = parseRanges(replaced);
  if (replaced !== undefined && (replaces === undefined || !isCount(replacedItems))) {
    return unreadable("what it replaces are no ranges of items");
  }
  if (!isItem(id)) return unreadable("no item id");
  for (const [name, value] of Object.entries({ ts, spanMs, count, missing, edition, term })) {
    if (!isCount(value)) return unreadable(`${name} is no whole number`);
  }
  return {
    kind: "aggregate",
    values: {
      series,
      id,
      adds: adds === true,
      replaces,
      replacedItems: replaces === undefined ? 0 : Number(replacedItems),
      ts: Number(ts),
      spanMs: Number(spanMs),
      count: Number(count),
      missing: Number(missing),
      edition: Number(edition),
      term: Number(term),
      mean: numberOr(mean),
      min: numberOr(min),
      max: numberOr(max),
      p95: numberOr(p95),
    },
  };
}

const isItem = (id: unknown): id is string => parseItemId(id) !== undefined;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
/** A window without any reading has no mean. */
const numberOr = (value: unknown): number => (typeof value === "number" ? value : Number.NaN);
