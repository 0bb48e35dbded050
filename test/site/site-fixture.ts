// A site in a few words: the state machine with the entries that a coordinator would commit.

import {
  type DeviceId,
  deviceId,
  type Incarnation,
  type MemberKey,
  memberKey,
  sensorId,
  siteId,
} from "../../src/base/ids.ts";
import { logIndex, milliseconds, seconds, siteTime, term } from "../../src/base/units.ts";
import { mergeFolds } from "../../src/readings/fold.ts";
import { emptySketch, sketchOf } from "../../src/readings/sketch.ts";
import type { CountMove, CountPart, Fold } from "../../src/readings/types.ts";
import { encodeProposal } from "../../src/site/command-codec.ts";
import type { DeviceConfiguration, SensorConfiguration, SiteConfiguration } from "../../src/site/configuration.ts";
import { diffConfiguration } from "../../src/site/configuration-diff.ts";
import { SiteState } from "../../src/site/state.ts";
import type { SiteBounds } from "../../src/site/tables.ts";
import type { Applied, ClientSerial, Command, JoinRequest } from "../../src/site/types.ts";

/** 2026-01-01, a whole minute. */
export const epoch = 1_767_225_600_000;

export const hex = (number: number): string => number.toString(16).padStart(32, "0");
export const incarnation = (number: number): Incarnation => hex(number) as Incarnation;
export const origin = (device: string, life = 1): MemberKey =>
  memberKey({ device: deviceId(device), incarnation: incarnation(life) });

export class Site {
  state: SiteState;
  index = 0;
  now = epoch;
  term = 1;

  constructor(bounds?: SiteBounds) {
    this.state = SiteState.empty(bounds);
  }

  apply(command: Command, client?: ClientSerial): Applied {
    return this.applyBytes(encodeProposal({ client, command }));
  }

  applyBytes(command: Uint8Array): Applied {
    this.index += 1;
    const head = { index: logIndex(this.index), term: term(this.term), siteTime: siteTime(this.now) };
    return this.state.apply({ ...head, command });
  }

  found(): this {
    this.apply({ kind: "found", site: siteId("house"), generation: { number: 1, nonce: hex(7) } });
    return this;
  }

  join(device: string, more: Partial<JoinRequest> & { life?: number; wasLife?: number } = {}): Applied {
    const { life = 1, wasLife, ...rest } = more;
    const was = wasLife === undefined ? [] : [incarnation(wasLife)];
    const request = {
      device: deviceId(device),
      incarnation: incarnation(life),
      session: 1,
      start: 1,
      version: "0.1.0",
      was,
    };
    return this.apply({ kind: "join", joins: [{ ...request, ...rest }] });
  }

  configure(after: SiteConfiguration, base = this.state.revision, client?: ClientSerial): Applied {
    const changes = diffConfiguration(this.state.configuration, after);
    return this.apply({ kind: "configure", base, changes, author: "anna", note: "" }, client);
  }

  /** Counts readings of one device, all in the group `temperature` of `all` unless `parts` says otherwise. */
  count(
    device: string,
    from: number,
    values: readonly number[],
    more: {
      at?: number;
      life?: number;
      stored?: number;
      revision?: number;
      isComplete?: boolean;
      parts?: CountPart[];
    } = {},
  ): Applied {
    const { at = this.now, life = 1, isComplete = false } = more;
    const to = from + values.length;
    const moves: CountMove[] = [{ origin: origin(device, life), from, to, check: 1, stored: more.stored ?? to }];
    const parts = more.parts ?? [part(at, values, isComplete ? [0] : [])];
    const revision = logIndex(more.revision ?? this.state.definitions.revision);
    return this.apply({ kind: "count", revision, moves, stampMax: siteTime(at), parts });
  }

  close(upTo = this.now): Applied {
    return this.apply({ kind: "close", upTo: siteTime(upTo) });
  }

  /** Items that wait in the outbox, read as a dashboard would. */
  items(of: "aggregates" | "events" = "aggregates"): Record<string, unknown>[] {
    const { first, next } = this.state.outbox;
    return Array.from({ length: next - first }).flatMap((_, place) => {
      const item = this.state.outbox.item(first + place);
      if (item?.topic.startsWith(`${of}/`) !== true) return [];
      return [JSON.parse(Buffer.from(item.payload).toString()) as Record<string, unknown>];
    });
  }
}

/** What a checkpoint would hold: everything ever taken from a state. Takes it as a new state does, from its first entry on. */
export class StoredCells {
  readonly #cells = new Map<string, Uint8Array>();

  constructor(state: SiteState) {
    this.save(state);
  }

  save(state: SiteState): void {
    const { puts, deletes } = state.takeDirty();
    for (const { key, value } of puts) this.#cells.set(key, Uint8Array.from(value));
    for (const key of deletes) this.#cells.delete(key);
  }

  get(key: string): Uint8Array | undefined {
    return this.#cells.get(key);
  }

  cells(): { key: string; value: Uint8Array }[] {
    return [...this.#cells].map(([key, value]) => ({ key, value }));
  }
}

export function foldOf(values: readonly number[], missing = 0): Fold {
  const empty = { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, sketch: emptySketch };
  const single = (value: number): Fold => ({
    count: 1,
    sum: value,
    min: value,
    max: value,
    missing: 0,
    sketch: sketchOf([value]),
  });
  return values.map(single).reduce(mergeFolds, { ...empty, missing });
}

export function part(
  at: number,
  values: readonly number[],
  origins: readonly number[] = [],
  group = "temperature",
): CountPart {
  const start = siteTime(Math.floor(at / 60_000) * 60_000);
  return { key: { aggregation: "all", group, start }, fold: foldOf(values), origins };
}

export const sensor = (device: string, more: Partial<SensorConfiguration> = {}): SensorConfiguration => ({
  device: deviceId(device),
  driver: { kind: "thermal", zone: "0" },
  quantity: "temperature",
  unit: "°C",
  interval: seconds(1),
  range: undefined,
  stuckAfter: undefined,
  labels: {},
  ...more,
});

/** Devices with one temperature sensor each, `all` in windows of a minute. */
export function configuration(devices: readonly string[], more: Partial<SiteConfiguration> = {}): SiteConfiguration {
  return {
    devices: new Map(
      devices.map((device): [DeviceId, DeviceConfiguration] => [
        deviceId(device),
        { zone: undefined, power: "mains", labels: {} },
      ]),
    ),
    sensors: new Map(devices.map((device) => [sensorId(`${device}-t`), sensor(device)])),
    aggregations: new Map([["all", { window: seconds(60), grace: seconds(15), groupBy: ["quantity"], where: {} }]]),
    settings: { editionInterval: seconds(60), flushInterval: milliseconds(10_000), uplink: "site", voters: 5 },
    ...more,
  };
}

/** Founded, with members, configured. */
export const site = (...devices: string[]): Site => siteWithin(undefined, ...devices);

export function siteWithin(bounds: SiteBounds | undefined, ...devices: string[]): Site {
  const built = new Site(bounds).found();
  for (const device of devices) built.join(device);
  built.configure(configuration(devices));
  return built;
}
