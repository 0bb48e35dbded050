// The configuration in force, and its history: each revision is kept with what stood there before and after, so that any of
// them can be shown, compared and applied again by undoing the later ones.

import { decode, encode } from "../base/cbor.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { type LogIndex, logIndex, type SiteTime, siteTime } from "../base/units.ts";
import { type CellSource, paddedKey } from "./cells.ts";
import type { ConfigurationChange, SiteConfiguration } from "./configuration.ts";
import { unpackChanges } from "./configuration-changes.ts";
import { defaultConfiguration, defaultSettings } from "./configuration-defaults.ts";
import { applyChanges, invertChanges, itemsOf } from "./configuration-diff.ts";
import { isSameItem, isSection, packItem, unpackItem } from "./configuration-items.ts";
import { problemsOfItem, problemsOfWhole } from "./configuration-rules.ts";
import { type Refusal, refused } from "./refusals.ts";
import type { Cell } from "./types.ts";

/** One revision as it is kept. */
export interface Revision {
  readonly revision: LogIndex;
  readonly siteTime: SiteTime;
  readonly author: string;
  readonly note: string;
  readonly changes: readonly ConfigurationChange[];
}

const revisionKey = "item/revision";
export const historyPrefix = "history/";
export const authorLengthMax = 128;
export const noteLengthMax = 512;

export class ConfigurationTable implements CellSource {
  readonly prefix = "item/";
  readonly #touch: (key: string) => void;
  #configuration: SiteConfiguration = {
    devices: new Map(),
    sensors: new Map(),
    aggregations: new Map(),
    settings: defaultSettings,
  };
  #revision = logIndex(0);
  readonly #history = new Map<LogIndex, { readonly size: number; bytes: Uint8Array | undefined }>();
  #historyBytes = 0;

  constructor(touch: (key: string) => void) {
    this.#touch = touch;
  }

  get configuration(): SiteConfiguration {
    return this.#configuration;
  }

  /** The entry that changed it last; 0: it is as it was founded. */
  get revision(): LogIndex {
    return this.#revision;
  }

  /** Revisions that are kept, ascending. */
  get revisions(): readonly LogIndex[] {
    return [...this.#history.keys()].sort((a, b) => a - b);
  }

  get historyCount(): number {
    return this.#history.size;
  }

  /** What a newly founded site has. */
  found(): void {
    this.#configuration = defaultConfiguration;
    for (const name of defaultConfiguration.aggregations.keys()) this.#touch(`item/aggregations/${name}`);
  }

  /** What the configuration would be; or why it cannot. */
  draft(base: LogIndex, changes: readonly ConfigurationChange[]): SiteConfiguration | Refusal {
    if (base !== this.#revision) {
      return refused(
        "stale-revision",
        `The configuration is at revision ${this.#revision}, not ${base}: look at the difference again`,
      );
    }
    const names = new Set(changes.map(({ section, name }) => `${section}.${name}`));
    if (changes.length === 0 || names.size !== changes.length)
      return refused("malformed", "No changes, or two of one item");
    for (const { section, name, before, after } of changes) {
      if (!isSameItem(section, itemsOf(this.#configuration, section).get(name), before)) {
        return refused("stale-revision", `${section}.${name} is not what the change says it was`);
      }
      if (isSameItem(section, before, after)) return refused("malformed", `${section}.${name} does not change`);
      const problem = after === undefined ? undefined : problemsOfItem(section, name, after)[0];
      if (problem !== undefined) return refused("invalid-configuration", `${problem.key}: ${problem.message}`);
    }
    const draft = applyChanges(this.#configuration, changes);
    const problem = problemsOfWhole(draft)[0];
    return problem === undefined ? draft : refused("invalid-configuration", `${problem.key}: ${problem.message}`);
  }

  /** Takes a draft into force. `packed`: the changes as the entry carried them, kept as they are. */
  commit(draft: SiteConfiguration, revision: Revision, packed: Uint8Array): void {
    this.#configuration = draft;
    this.#revision = revision.revision;
    this.#touch(revisionKey);
    for (const { section, name } of revision.changes) this.#touch(`item/${section}/${name}`);
    const bytes = Uint8Array.from(encode([revision.siteTime, revision.author, revision.note, packed]));
    this.#history.set(revision.revision, { size: bytes.length, bytes });
    this.#historyBytes += bytes.length;
    this.#touch(historyKey(revision.revision));
    this.#dropOldHistory();
  }

  /**
   * Cells that show how `revision` was, the newest first: those of all later ones. Undefined: it is not kept (any more).
   * Bytes that are only in the store are read back by the caller.
   */
  historyKeysSince(revision: LogIndex): readonly string[] | undefined {
    if (!this.#history.has(revision) && revision !== this.#revision) return undefined;
    return this.revisions
      .filter((each) => each > revision)
      .reverse()
      .map(historyKey);
  }

  read(key: string): Uint8Array | undefined {
    if (key === revisionKey) return this.#revision === 0 ? undefined : encode(this.#revision);
    const [, section, name = ""] = key.split("/");
    if (!isSection(section)) return undefined;
    const item = itemsOf(this.#configuration, section).get(name);
    return item === undefined ? undefined : encode(packItem(section, item));
  }

  load({ key, value }: Cell): boolean {
    if (key === revisionKey) {
      const fields = new Fields([decode(value)]);
      this.#revision = logIndex(fields.count());
      return fields.finish(true) ?? false;
    }
    const [, section, name = ""] = key.split("/");
    if (!isSection(section)) return false;
    const after = unpackItem(section, decode(value));
    if (after === undefined) return false;
    this.#configuration = putInPlace(this.#configuration, { section, name, before: undefined, after });
    return true;
  }

  /** History is cold: apply needs its sizes only. */
  readonly history = {
    prefix: historyPrefix,
    read: (key: string): Uint8Array | undefined => this.#history.get(revisionOf(key))?.bytes,
    load: ({ key, value }: Cell): boolean => {
      if (historyKey(revisionOf(key)) !== key) return false;
      this.#history.set(revisionOf(key), { size: value.length, bytes: undefined });
      this.#historyBytes += value.length;
      return true;
    },
    forgetBytes: (key: string): void => {
      const entry = this.#history.get(revisionOf(key));
      if (entry !== undefined) entry.bytes = undefined;
    },
  };

  #dropOldHistory(): void {
    for (const revision of this.revisions) {
      const isWithin = this.#history.size <= limits.configurationRevisions;
      if ((isWithin && this.#historyBytes <= limits.configurationHistoryBytes) || this.#history.size === 1) return;
      this.#historyBytes -= this.#history.get(revision)?.size ?? 0;
      this.#history.delete(revision);
      this.#touch(historyKey(revision));
    }
  }
}

export const historyKey = (revision: LogIndex): string => paddedKey(historyPrefix, revision);

const revisionOf = (key: string): LogIndex => logIndex(Number(key.slice(historyPrefix.length)));

/** Reads a cell of the history. Undefined for bytes that are none. */
export function decodeRevision(key: string, bytes: Uint8Array): Revision | undefined {
  const fields = new Fields(decode(bytes), 4);
  return fields.finish({
    revision: revisionOf(key),
    siteTime: siteTime(fields.count()),
    author: fields.text(authorLengthMax),
    note: fields.text(noteLengthMax),
    changes: fields.decoded((item) => (item instanceof Uint8Array ? unpackChanges(item) : undefined)),
  });
}

/** The configuration as it was before the given revisions, which are the newest ones, newest first. */
export function configurationBefore(
  configuration: SiteConfiguration,
  newestFirst: readonly Revision[],
): SiteConfiguration {
  return newestFirst.reduce((later, { changes }) => applyChanges(later, invertChanges(changes)), configuration);
}

/** While loading only: thousands of items, one by one. */
function putInPlace(configuration: SiteConfiguration, change: ConfigurationChange): SiteConfiguration {
  if (change.section === "settings") return applyChanges(configuration, [change]);
  const table = configuration[change.section] as Map<string, unknown>;
  table.set(change.name, change.after);
  return configuration;
}
