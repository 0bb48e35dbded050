// The site's apply, as PROTOCOLS says it and nothing more: small enough to be read beside the text.

import { type Incarnation, type MemberKey, memberKey, memberOf } from "../../../src/base/ids.ts";
import { logIndex, type SiteTime, siteTime } from "../../../src/base/units.ts";
import { keyText, windowEnd } from "../../../src/readings/fold.ts";
import type { CountMove, Definitions, DefinitionVersion, PartialPart, WindowKey } from "../../../src/readings/types.ts";
import type { Amount, CountingSite, ModelCommand, ModelEntry } from "./counting-site.ts";
import type { Rule } from "./rules.ts";

const editionInterval = 5000;

interface ModelWindow {
  readonly key: WindowKey;
  amount: Amount;
  edition: Amount | undefined;
  editedAt: number;
}

export class ModelSite implements CountingSite {
  readonly #broken: ReadonlySet<Rule>;
  readonly #counted = new Map<MemberKey, number>();
  readonly #gone = new Map<MemberKey, { counted: number; heir: Incarnation | undefined }>();
  readonly #windows = new Map<string, ModelWindow>();
  #definitions: Definitions = { revision: logIndex(0), versions: [] };
  #stampMax = 0;
  #closedUpTo = 0;

  constructor(broken: ReadonlySet<Rule>) {
    this.#broken = broken;
  }

  apply({ index, siteTime: now, command }: ModelEntry): boolean {
    switch (command.kind) {
      case "count":
        return this.#count(command);
      case "count-frozen":
        return this.#move([command.move], command.stampMax, command.parts);
      case "close":
        this.#closedUpTo = Math.max(this.#closedUpTo, command.upTo);
        this.#publish(now);
        return true;
      case "define":
        this.#define(command, index);
        return true;
      case "join":
        return this.#join(command.origin, command.was);
      case "begin":
        return true;
      default:
        return command satisfies never;
    }
  }

  isMember(origin: MemberKey): boolean {
    return this.#counted.has(origin);
  }

  counted(origin: MemberKey): number | undefined {
    return this.#counted.get(origin) ?? this.#gone.get(origin)?.counted;
  }

  hasHeir(origin: MemberKey): boolean {
    return this.#gone.get(origin)?.heir !== undefined;
  }

  definitions(): Definitions {
    return this.#definitions;
  }

  windows(): Iterable<{ key: WindowKey; amount: Amount }> {
    return this.#windows.values();
  }

  editions(): ReadonlyMap<string, Amount> {
    const published = [...this.#windows].flatMap(([text, { edition }]) => (edition ? [[text, edition] as const] : []));
    return new Map(published);
  }

  closedUpTo(): SiteTime {
    return siteTime(this.#closedUpTo);
  }

  #count({ revision, moves, stampMax, parts }: Extract<ModelCommand, { kind: "count" }>): boolean {
    if (!this.#broken.has("compare-revision") && revision !== this.#definitions.revision) return false;
    return this.#move(moves, stampMax, parts);
  }

  #move(moves: readonly CountMove[], stampMax: SiteTime, parts: readonly PartialPart[]): boolean {
    const matching = moves.filter(({ origin, from }) => {
      if (this.#broken.has("gone-origin") && this.#gone.has(origin)) return true;
      const place = this.#counted.get(origin);
      return place !== undefined && (this.#broken.has("compare-from") || place === from);
    });
    if (matching.length === 0) return false;
    if (!this.#broken.has("whole-entry") && matching.length < moves.length) return false;
    for (const { origin, to } of matching) if (this.#counted.has(origin)) this.#counted.set(origin, to);
    for (const { key, fold } of parts) {
      const window = this.#windows.get(keyText(key)) ?? { key, amount: nothing, edition: undefined, editedAt: 0 };
      window.amount = sum(window.amount, fold);
      this.#windows.set(keyText(key), window);
    }
    this.#stampMax = Math.max(this.#stampMax, stampMax);
    return true;
  }

  #publish(now: number): void {
    for (const window of this.#windows.values()) {
      const end = windowEnd(this.#definitions, window.key) ?? 0;
      const isFirst = window.edition === undefined && end <= this.#closedUpTo;
      const isDirty = window.edition !== undefined && window.edition !== window.amount;
      if (!isFirst && (!isDirty || now - window.editedAt < editionInterval)) continue;
      window.edition = window.amount;
      window.editedAt = now;
    }
  }

  #define({ aggregations, from }: Extract<ModelCommand, { kind: "define" }>, index: number): void {
    const earliest = this.#broken.has("stamp-max") ? from : Math.max(from, this.#stampMax + 1);
    const step = aggregations.reduce((common, { window }) => leastCommonMultiple(common, window), 1);
    // The first one reaches back for ever; were its beginning later, the next one could replace it, and reach back itself.
    const isFirst = this.#definitions.versions.length === 0;
    const start = siteTime(isFirst ? 0 : Math.ceil(earliest / step) * step);
    const kept: readonly DefinitionVersion[] = this.#definitions.versions.filter((version) => version.from < start);
    this.#definitions = { revision: logIndex(index), versions: [...kept, { from: start, aggregations }] };
  }

  #join(origin: MemberKey, was: Incarnation | undefined): boolean {
    if (this.#counted.has(origin)) return true;
    if (this.#gone.has(origin)) return false;
    const { device } = memberOf(origin);
    const ancestor = was === undefined ? undefined : memberKey({ device, incarnation: was });
    if (ancestor !== undefined && this.hasHeir(ancestor)) return false;
    for (const [other, counted] of this.#counted) {
      if (memberOf(other).device !== device) continue;
      this.#counted.delete(other);
      this.#gone.set(other, { counted, heir: undefined });
    }
    const inherited = ancestor === undefined ? undefined : this.#gone.get(ancestor);
    if (inherited !== undefined) inherited.heir = memberOf(origin).incarnation;
    this.#counted.set(origin, this.#broken.has("heir") ? 0 : (inherited?.counted ?? 0));
    return true;
  }
}

export const nothing: Amount = { count: 0, sum: 0, missing: 0 };

export function sum(a: Amount, b: Amount): Amount {
  return { count: a.count + b.count, sum: a.sum + b.sum, missing: a.missing + b.missing };
}

function leastCommonMultiple(a: number, b: number): number {
  let [greater, rest] = [a, b];
  while (rest > 0) [greater, rest] = [rest, greater % rest];
  return (a / greater) * b;
}
