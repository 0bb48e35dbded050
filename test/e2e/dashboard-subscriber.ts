// What a dashboard sees: Debian's `mosquitto_sub` on the dashboard topic, nothing of ours in between.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../host/temporary-directory.ts";
import { Program } from "./program.ts";

/** A JSON message of `aggregates/…` (docs/schemas/aggregate.schema.json). */
export interface Aggregate {
  readonly topic: string;
  readonly text: string;
  readonly id: string;
  readonly ts: number;
  readonly spanMs: number;
  readonly count: number;
  readonly sum: number;
  readonly missing: number;
  readonly term: number;
  readonly edition: number;
  readonly adds: boolean;
  readonly aggregation: string;
  readonly group: string;
}

/** A message of `site`. */
export interface SiteMessage {
  readonly coordinator: string;
  readonly term: number;
}

interface Message {
  readonly topic: string;
  readonly text: string;
}

/** Amounts of one window over its latest edition and its supplements. */
export interface WindowAmounts {
  count: number;
  sum: number;
  missing: number;
}

export class DashboardSubscriber {
  readonly #directory = temporaryDirectory();
  readonly #output = join(this.#directory.path, "messages");
  readonly #program: Program;
  readonly #prefix: string;

  constructor(broker: string, site: string) {
    this.#prefix = `skein/1/${site}/`;
    const filters = ["aggregates/#", "events/#", "site"].flatMap((filter) => ["-t", this.#prefix + filter]);
    this.#program = new Program("mosquitto_sub", ["-L", `${broker}/${this.#prefix}site`, "-q", "1", "-v", ...filters], {
      stdout: this.#output,
      stderr: join(this.#directory.path, "errors"),
    });
  }

  /** All that has arrived, in order. */
  messages(): Message[] {
    const lines = readFileSync(this.#output, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => {
      const space = line.indexOf(" {");
      return { topic: line.slice(this.#prefix.length, space), text: line.slice(space + 1) };
    });
  }

  /** Items as they came, repeats included. */
  items(): Aggregate[] {
    return this.messages()
      .filter(({ topic }) => topic.startsWith("aggregates/"))
      .map(({ topic, text }) => ({ topic, text, ...(JSON.parse(text) as Omit<Aggregate, "topic" | "text">) }));
  }

  /** Each time the coordinator said who it is. */
  sites(): SiteMessage[] {
    return this.messages()
      .filter(({ topic }) => topic === "site")
      .map(({ text }) => JSON.parse(text) as SiteMessage);
  }

  async end(): Promise<void> {
    await this.#program.end();
    this.#directory.remove();
  }
}

/** By `aggregation/group start`: the latest edition, and what supplements add. Each id counts once. */
export function amountsOf(items: readonly Aggregate[]): Map<string, WindowAmounts> {
  const latest = new Map<string, Aggregate>();
  const added = new Map<string, Aggregate[]>();
  const seen = new Set<string>();
  for (const item of items) {
    if (seen.has(item.id)) continue;
    seen.add(item.id);
    const key = `${item.aggregation}/${item.group} ${item.ts}`;
    if (item.adds) added.set(key, [...(added.get(key) ?? []), item]);
    else if (item.edition > (latest.get(key)?.edition ?? 0)) latest.set(key, item);
  }
  const keys = new Set([...latest.keys(), ...added.keys()]);
  return new Map(
    [...keys].map((key) => {
      const parts = [...(added.get(key) ?? []), ...(latest.has(key) ? [latest.get(key) as Aggregate] : [])];
      const total = (of: (item: Aggregate) => number): number => parts.reduce((sum, part) => sum + of(part), 0);
      return [key, { count: total((i) => i.count), sum: total((i) => i.sum), missing: total((i) => i.missing) }];
    }),
  );
}

/** What is wrong with the order of items: holes in their numbers, first appearances out of order, repeats that differ. */
export function faultsInOrder(items: readonly Aggregate[]): string[] {
  const faults: string[] = [];
  const first = new Map<number, string>();
  let newest = 0;
  for (const { id, text } of items) {
    const number = Number(id.split(".")[1]);
    const known = first.get(number);
    if (known !== undefined) {
      if (known !== text) faults.push(`item ${id} came again with other bytes`);
      continue;
    }
    first.set(number, text);
    if (number !== newest + 1) faults.push(`item ${id} came after item ${newest}`);
    newest = Math.max(newest, number);
  }
  return faults;
}
