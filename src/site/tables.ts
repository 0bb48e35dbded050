// Everything that the state consists of, and the way from a cell's key to the table that holds it.

import { SkeinError } from "../base/errors.ts";
import { type CellSource, CellTable } from "./cells.ts";
import { ConfigurationTable } from "./configuration-table.ts";
import { DefinitionHistory } from "./definitions.ts";
import { Members } from "./members.ts";
import { Outbox } from "./outbox.ts";
import { SeriesTable } from "./series.ts";
import { Sessions } from "./sessions.ts";
import { SiteFacts } from "./site-facts.ts";
import { TimeTable } from "./time-table.ts";
import type { Cell } from "./types.ts";
import { UnsaidLossTable } from "./unsaid-losses.ts";
import { Windows } from "./windows.ts";

/** Bounds that decide what applying an entry does: the same for all members of a site. */
export type SiteBounds = {
  readonly [Name in
    | "outboxBytes"
    | "outboxHighBytes"
    | "outboxLowBytes"
    | "windowBytes"
    | "windowBytesMax"
    | "windowAge"
    | "closeItems"]: number;
};

export class Tables {
  readonly bounds: SiteBounds;
  readonly cells = new CellTable();
  readonly #touch = (key: string): void => this.cells.touch(key);
  readonly facts = new SiteFacts(this.#touch);
  readonly time = new TimeTable(this.#touch);
  readonly members = new Members(this.#touch);
  readonly configuration = new ConfigurationTable(this.#touch);
  readonly definitions = new DefinitionHistory(this.#touch);
  readonly windows: Windows;
  readonly series = new SeriesTable(this.#touch);
  readonly outbox: Outbox;
  readonly sessions = new Sessions(this.#touch);
  readonly unsaidLosses = new UnsaidLossTable(this.#touch);
  readonly #sources: ReadonlyMap<string, CellSource>;

  constructor(bounds: SiteBounds) {
    this.bounds = bounds;
    this.windows = new Windows(bounds.windowBytes, this.#touch);
    this.outbox = new Outbox(bounds.outboxBytes, this.#touch);
    const sources: readonly CellSource[] = [
      this.facts,
      this.time,
      this.members,
      this.members.gone,
      this.configuration,
      this.configuration.history,
      this.definitions,
      this.windows,
      this.series,
      this.outbox,
      this.sessions,
      this.unsaidLosses,
    ];
    this.#sources = new Map(sources.map((source) => [source.prefix, source]));
  }

  /** Present bytes; undefined if there is no such cell, or if only the store has them. */
  cell(key: string): Uint8Array | undefined {
    return this.#source(key)?.read(key);
  }

  /** Fails with `state-damaged` on a cell that is none of this version. */
  load(cell: Cell): void {
    let isLoaded = false;
    try {
      isLoaded = this.#source(cell.key)?.load(cell) ?? false;
    } catch (cause) {
      if (!(cause instanceof SkeinError)) throw cause;
    }
    if (!isLoaded)
      throw new SkeinError("state-damaged", `The checkpoint's cell ${JSON.stringify(cell.key)} cannot be read`);
    this.cells.loaded(cell);
  }

  /** Bytes that apply does not need leave memory. */
  forgetCold(key: string): void {
    if (key.startsWith(this.outbox.prefix)) this.outbox.forgetBytes(key);
    else if (key.startsWith(this.configuration.history.prefix)) this.configuration.history.forgetBytes(key);
  }

  #source(key: string): CellSource | undefined {
    return this.#sources.get(key.slice(0, key.indexOf("/") + 1) || key);
  }
}
