// What `skein watch` shows: who coordinates, and the aggregates as they come.

import { cut, type Style } from "../terminal/style.ts";
import type { AggregateValues, DashboardMessage } from "./reader.ts";
import type { Series } from "./series-board.ts";
import { formatValue, seriesTable } from "./series-table.ts";

const eventsKept = 5;

export class WatchView {
  readonly #site: string;
  readonly #broker: string;
  #coordination = "nothing heard of a coordinator yet";
  #revision: number | undefined;
  #messages = 0;
  #events: readonly string[] = [];

  constructor(site: string, broker: string) {
    this.#site = site;
    this.#broker = broker;
  }

  heard(message: DashboardMessage): void {
    this.#messages += 1;
    if (message.kind === "site") {
      this.#coordination = `coordinator ${message.coordinator}  term ${message.term}  ${message.why}`;
      this.#revision = message.revision;
    }
    if (message.kind === "event") this.#events = [...this.#events, message.text].slice(-eventsKept);
  }

  lines(series: readonly Series[], size: { columns: number; rows: number }, paint: Style): string[] {
    const head = [
      `${paint.bold("skein")} ${this.#site} on ${this.#broker}  ${this.#messages} messages`,
      this.#coordination,
      `revision ${this.#revision ?? "–"}  ${series.length} series`,
      "",
    ];
    const events = this.#events.length === 0 ? [] : ["", ...this.#events.map((text) => paint.cyan(text))];
    const foot = [...events, paint.dim("q quit")];
    const rows = size.rows - head.length - foot.length;
    const table = seriesTable(series, { columns: size.columns, rows: Math.max(0, rows) }, paint);
    const filled = [...head, ...table, ...Array.from({ length: Math.max(0, rows - table.length) }, () => "")];
    return [...filled, ...foot].slice(0, size.rows).map((line) => cut(line, size.columns));
  }
}

export function aggregateLine(values: AggregateValues): string {
  const { series, ts, mean, min, max, count, missing, edition, id, replacedItems } = values;
  const numbers = `mean ${formatValue(mean)} min ${formatValue(min)} max ${formatValue(max)} count ${count}`;
  const absent = missing === 0 ? "" : ` missing ${missing}`;
  const again = edition > 1 ? ` edition ${edition}` : "";
  const coarser = replacedItems === 0 ? "" : ` in place of ${replacedItems} items`;
  return `${new Date(ts).toISOString()} ${series} ${numbers}${absent}${again}${coarser} (${id})`;
}
