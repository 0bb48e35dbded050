// The latest value of each series and its recent past, as a view shows it.

import type { AggregateValues } from "./reader.ts";

export interface Series {
  readonly name: string;
  readonly latest: AggregateValues;
  /** Means of the newest windows in the order of their starts. */
  readonly means: readonly number[];
}

interface Remembered {
  latest: AggregateValues;
  /** By window start, ascending. */
  readonly means: Map<number, number>;
}

const windowsKept = 60;
/** Beyond, new series are not shown: a broker may carry any number of them. */
const seriesMax = 2_000;

export class SeriesBoard {
  readonly #series = new Map<string, Remembered>();

  add(values: AggregateValues): void {
    if (values.adds) return;
    const known = this.#series.get(values.series);
    if (known === undefined) {
      if (this.#series.size < seriesMax) {
        this.#series.set(values.series, { latest: values, means: new Map([[values.ts, values.mean]]) });
      }
      return;
    }
    const isNewWindow = !known.means.has(values.ts) && values.ts > known.latest.ts;
    if (isNewWindow || known.means.has(values.ts)) known.means.set(values.ts, values.mean);
    if (values.ts >= known.latest.ts) known.latest = values;
    const [oldest] = known.means.keys();
    if (known.means.size > windowsKept && oldest !== undefined) known.means.delete(oldest);
  }

  /** By name. */
  all(): readonly Series[] {
    return [...this.#series]
      .map(([name, { latest, means }]) => ({ name, latest, means: [...means.values()] }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
