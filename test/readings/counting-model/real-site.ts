// The site's own state machine behind the counting model's door: the same schedules, the same checker, the real apply.

import { decode } from "../../../src/base/cbor.ts";
import { type Incarnation, type MemberKey, memberOf, siteId } from "../../../src/base/ids.ts";
import { logIndex, milliseconds, type SiteTime, seconds, siteTime, term } from "../../../src/base/units.ts";
import { keyText } from "../../../src/readings/fold.ts";
import type { AggregationDefinition, Definitions, WindowKey } from "../../../src/readings/types.ts";
import { encodeProposal } from "../../../src/site/command-codec.ts";
import type { SiteConfiguration } from "../../../src/site/configuration.ts";
import { diffConfiguration } from "../../../src/site/configuration-diff.ts";
import { SiteState } from "../../../src/site/state.ts";
import type { Command } from "../../../src/site/types.ts";
import { foldOf, type SiteWindow } from "../../../src/site/windows.ts";
import type { Amount, CountingSite, ModelEntry } from "./counting-site.ts";
import { nothing, sum } from "./model-site.ts";

/** Destroyed readings are in its `missing`: run it with `ignoresMissing`. */
export class RealSite implements CountingSite {
  readonly #state = SiteState.empty();
  /** As last seen: a window that is dirty no longer holds what was published of it. */
  readonly #editions = new Map<string, Amount>();
  /** Supplements that were published, together: who adds up adds them to the window's last edition. */
  readonly #added = new Map<string, { readonly key: WindowKey; readonly amount: Amount }>();

  constructor() {
    const head = { index: logIndex(0), term: term(0), siteTime: siteTime(0) };
    this.#run({ kind: "found", site: siteId("house"), generation: { number: 1, nonce: "7".repeat(32) } }, head);
  }

  apply(entry: ModelEntry): boolean {
    const { command } = entry;
    switch (command.kind) {
      case "count":
      case "count-frozen":
        return this.#run(command, entry);
      case "close":
        return this.#close(command.upTo, entry);
      case "define":
        return this.#define(command.aggregations, entry);
      case "join":
        return this.#join(command.origin, command.was, entry);
      case "begin":
        return true;
      default:
        return command satisfies never;
    }
  }

  isMember(origin: MemberKey): boolean {
    const { device, incarnation } = memberOf(origin);
    return this.#state.member(device)?.incarnation === incarnation;
  }

  counted(origin: MemberKey): number | undefined {
    return this.#state.counted(origin);
  }

  hasHeir(origin: MemberKey): boolean {
    const cell = this.#state.cell(`gone/${origin}`);
    const fields = cell === undefined ? [] : (decode(cell) as readonly unknown[]);
    return typeof fields[2] === "string";
  }

  definitions(): Definitions {
    return this.#state.definitions;
  }

  *windows(): Iterable<{ key: WindowKey; amount: Amount }> {
    const held = [...this.#state.allWindows()].map((window) => ({ key: window.key, amount: amountOf(window) }));
    const all = new Map<string, { key: WindowKey; amount: Amount }>();
    for (const { key, amount } of [...held, ...this.#added.values()]) {
      all.set(keyText(key), { key, amount: sum(all.get(keyText(key))?.amount ?? nothing, amount) });
    }
    yield* all.values();
  }

  editions(): ReadonlyMap<string, Amount> {
    const added = [...this.#added].map(([text, { amount }]) => {
      return [text, sum(this.#editions.get(text) ?? nothing, amount)] as const;
    });
    return new Map([...this.#editions, ...added]);
  }

  closedUpTo(): SiteTime {
    return this.#state.closedUpTo;
  }

  #run(command: Command, { index, term: at, siteTime: now }: Omit<ModelEntry, "command">): boolean {
    const bytes = encodeProposal({ client: undefined, command });
    return this.#state.apply({ index, term: at, siteTime: now, command: bytes }).outcome.kind === "done";
  }

  #close(upTo: SiteTime, entry: ModelEntry): boolean {
    const waiting = [...this.#state.allWindows()].filter(({ isSupplement }) => isSupplement);
    const isDone = this.#run({ kind: "close", upTo }, entry);
    for (const { key, ...window } of waiting) {
      if (this.#state.supplement(key) !== undefined) continue;
      const before = this.#added.get(keyText(key))?.amount ?? nothing;
      this.#added.set(keyText(key), { key, amount: sum(before, amountOf({ key, ...window })) });
    }
    for (const window of this.#state.allWindows()) {
      if (window.edition > 0 && !window.isDirty) this.#editions.set(keyText(window.key), amountOf(window));
    }
    return isDone;
  }

  #join(origin: MemberKey, was: Incarnation | undefined, entry: ModelEntry): boolean {
    const { device, incarnation } = memberOf(origin);
    return this.#run(
      {
        kind: "join",
        joins: [{ device, incarnation, session: 1, start: 1, was: was === undefined ? [] : [was], version: "0.1.0" }],
      },
      entry,
    );
  }

  /** The model's `all` and `fine` as labels of sensors; from when they hold is the site's own business. */
  #define(aggregations: readonly AggregationDefinition[], entry: ModelEntry): boolean {
    const before = this.#state.configuration;
    const [all, fine] = aggregations;
    const sensors: SiteConfiguration["sensors"] = new Map(
      [...(all?.sensors ?? [])].map(([id, { device, group }]) => {
        const labels = { group, fine: fine?.sensors.has(id) ? "yes" : "no" };
        const sensor = { device, quantity: "temperature", unit: "°C", interval: seconds(1), labels };
        const driver = { kind: "simulated", profile: "room" } as const;
        return [id, { ...sensor, driver, range: undefined, stuckAfter: undefined }];
      }),
    );
    const devices = [...sensors.values()].map(
      ({ device }) => [device, { zone: undefined, power: "mains", labels: {} }] as const,
    );
    const windows = (window: number | undefined, where: Readonly<Record<string, string>>) => {
      return { window: milliseconds(window ?? 4000), grace: seconds(6), groupBy: ["label:group"], where };
    };
    const after: SiteConfiguration = {
      devices: new Map([...before.devices, ...devices]),
      sensors,
      aggregations: new Map([
        ["all", windows(all?.window, {})],
        ["fine", windows(fine?.window, { fine: "yes" })],
      ]),
      settings: { ...before.settings, flushInterval: seconds(1), editionInterval: seconds(5) },
    };
    const changes = diffConfiguration(before, after);
    if (changes.length === 0) return true;
    return this.#run({ kind: "configure", base: this.#state.revision, changes, author: "anna", note: "" }, entry);
  }
}

function amountOf(window: SiteWindow): Amount {
  const { count, sum, missing } = foldOf(window);
  return { count, sum, missing };
}
