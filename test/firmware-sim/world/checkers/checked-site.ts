// A site in a few words that the checkers of counting look at: real state machines that apply what the test commits, and cards that
// synced what the test says. Broken histories are entries that no right coordinator proposes, and records that no right card has.

import { expect } from "vitest";
import {
  type CheckedWorld,
  type Checker,
  type CheckerOf,
  Violation,
  type WatchedLife,
} from "../../../../firmware-sim/world/checker.ts";
import { deviceId, sensorId } from "../../../../src/base/ids.ts";
import type { LogUsage } from "../../../../src/base/ports/log-file.ts";
import { instant, logIndex, siteTime, term } from "../../../../src/base/units.ts";
import type { Entry } from "../../../../src/raft/types.ts";
import { fold } from "../../../../src/readings/fold.ts";
import { encodePayload } from "../../../../src/readings/reading-codec.ts";
import type { CountPart, Reading } from "../../../../src/readings/types.ts";
import { encodeProposal } from "../../../../src/site/command-codec.ts";
import type { SiteConfiguration } from "../../../../src/site/configuration.ts";
import { diffConfiguration } from "../../../../src/site/configuration-diff.ts";
import { SiteState } from "../../../../src/site/state.ts";
import type { SiteBounds } from "../../../../src/site/tables.ts";
import type { Applied, Command } from "../../../../src/site/types.ts";
import { configuration, epoch, hex, incarnation, origin } from "../../../site/site-fixture.ts";

interface Replica {
  state: SiteState;
  appliedIndex: ReturnType<typeof logIndex>;
  status(): never;
  usage(): LogUsage;
}

export interface CheckedLife extends WatchedLife {
  readonly replica: Replica;
}

const noStatus = (): never => {
  throw new Error("nobody asks Raft here");
};

/** Founded, with a life of each device, all members, configured as site-fixture does: `d-t` of each device in `all/temperature`. */
export class CheckedSite {
  readonly lives: CheckedLife[] = [];
  readonly checkers: readonly Checker[];
  readonly #bounds: SiteBounds | undefined;
  /** Those that apply what is committed; the others lag. */
  readonly lagging = new Set<CheckedLife>();
  readonly log: Entry[] = [];
  readonly #taken = new Map<string, Reading[]>();
  readonly #positions = new Map<string, number>();
  now = epoch;
  term = 1;
  pendingEvents = 0;
  /** Of each replica's log. */
  logUsage: LogUsage = { bytes: 0, segments: 0, bytesWritten: 0, syncs: 0 };

  constructor(checkers: readonly CheckerOf[], devices: readonly string[] = ["a", "b"], bounds?: SiteBounds) {
    this.#bounds = bounds;
    const world: CheckedWorld = {
      now: instant(0),
      lives: () => this.lives,
      pendingEvents: () => this.pendingEvents,
    };
    this.checkers = checkers.map((checkerOf) => checkerOf(world));
    for (const device of devices) this.live(device);
    this.commit({ kind: "found", site: "house" as never, generation: { number: 1, nonce: hex(7) } });
    for (const device of devices) this.join(device);
    this.configure(configuration(devices));
  }

  live(device: string, life = 1, card = `card of ${device}`): CheckedLife {
    const began: CheckedLife = {
      number: this.lives.length + 1,
      machine: device,
      card,
      self: origin(device, life),
      generation: () => 1,
      replica: {
        state: SiteState.empty(this.#bounds),
        appliedIndex: logIndex(0),
        status: noStatus,
        usage: () => this.logUsage,
      },
    };
    this.lives.push(began);
    for (const checker of this.checkers) checker.lifeBegan?.(began, undefined as never);
    for (const entry of this.log) this.#apply(began, entry);
    return began;
  }

  end(life: CheckedLife): void {
    this.lives.splice(this.lives.indexOf(life), 1);
    for (const checker of this.checkers) checker.lifeEnded?.(life);
  }

  /** Answers what the first replica answered. */
  commit(command: Command): Applied | undefined {
    const head = { index: logIndex(this.log.length + 1), term: term(this.term), siteTime: siteTime(this.now) };
    const entry: Entry = { ...head, kind: "command", command: encodeProposal({ client: undefined, command }) };
    this.log.push(entry);
    const answers = this.lives.filter((life) => !this.lagging.has(life)).map((life) => this.#apply(life, entry));
    return answers[0];
  }

  join(device: string, life = 1, was?: number): Applied | undefined {
    const request = { device: deviceId(device), incarnation: incarnation(life), session: 1, start: 1, version: "0" };
    return this.commit({
      kind: "join",
      joins: [{ ...request, was: was === undefined ? [] : [incarnation(was)] }],
    });
  }

  configure(after: SiteConfiguration): Applied | undefined {
    const { state } = firstOf(this).replica;
    const changes = diffConfiguration(state.configuration, after);
    return this.commit({ kind: "configure", base: state.revision, changes, author: "anna", note: "" });
  }

  /** Readings of `device`'s sensor are synced on its card, one a second from `now` on. */
  take(device: string, values: readonly number[], more: { first?: number; at?: number; card?: string } = {}): void {
    const { at = this.now, card = `card of ${device}` } = more;
    const taken = this.#taken.get(card) ?? [];
    const first = more.first ?? (taken.at(-1)?.number ?? 0) + 1;
    const readings = values.map((value, place): Reading => {
      const stamp = siteTime(at + place * 1000);
      return { number: first + place, sensor: sensorId(`${device}-t`), stamp, value, quality: 0 };
    });
    this.#taken.set(card, [...taken, ...readings]);
    const timed = readings.map(({ sensor, stamp, value, quality }) => ({ sensor, time: stamp, value, quality }));
    this.record(card, encodePayload({ kind: "readings", first, unstampedIn: undefined, readings: timed }));
  }

  record(card: string, payload: Uint8Array, log = "readings"): void {
    const position = (this.#positions.get(card) ?? 0) + 1;
    this.#positions.set(card, position);
    for (const checker of this.checkers) checker.synced?.({ card, log, position, payload });
  }

  /** Its card's numbers above `from`, up to `to`, as its device folds them; `parts` makes something else of them. */
  count(
    device: string,
    from: number,
    to: number,
    more: {
      life?: number;
      card?: string;
      parts?: (parts: readonly CountPart[]) => readonly CountPart[];
      stampMax?: number;
      stored?: number;
      at?: number;
    } = {},
  ): Applied | undefined {
    const { life = 1, card = `card of ${device}`, parts = (all) => all } = more;
    const { definitions } = firstOf(this).replica.state;
    const range = (this.#taken.get(card) ?? []).filter(({ number }) => number > from && number <= to);
    const folded = fold(range, definitions, deviceId(device));
    const stampMax = siteTime(more.stampMax ?? folded.stampMax);
    this.now = more.at ?? Math.max(this.now, folded.stampMax);
    return this.commit({
      kind: "count",
      revision: definitions.revision,
      moves: [{ origin: origin(device, life), from, to, check: folded.check, stored: more.stored ?? to }],
      stampMax,
      parts: parts(folded.parts.map((each) => ({ ...each, origins: [] }))),
    });
  }

  /** Its readings log begins anew. */
  setAside(card: string): void {
    this.#positions.delete(card);
  }

  /** Everything that has ended is published. */
  close(): Applied | undefined {
    return this.commit({ kind: "close", upTo: siteTime(this.now) });
  }

  tell(told: (checker: Checker) => void): void {
    for (const checker of this.checkers) told(checker);
  }

  /** The items that a close at the first replica left in the outbox, as an uplink would have them. */
  upload(number: number): { topic: string; payload: Uint8Array; retain: boolean; qos: 1; clientId: string } {
    const item = firstOf(this).replica.state.outbox.item(number);
    if (item === undefined) throw new Error(`there is no item ${number}`);
    return { ...item, topic: `skein/1/house/${item.topic}`, qos: 1, clientId: "uplink" };
  }

  catchUp(life: CheckedLife): void {
    this.lagging.delete(life);
    for (const entry of this.log.slice(life.replica.appliedIndex)) this.#apply(life, entry);
  }

  #apply(life: CheckedLife, entry: Entry): Applied | undefined {
    if (entry.kind !== "command") return undefined;
    life.replica.appliedIndex = entry.index;
    const applied = life.replica.state.apply(entry);
    for (const checker of this.checkers) checker.applied?.(life, entry, applied);
    return applied;
  }
}

export function firstOf({ lives: [first] }: CheckedSite): CheckedLife {
  if (first === undefined) throw new Error("nobody lives");
  return first;
}

/** What `story` does is found by `checker`, and by none before it. */
export function expectCaught(checker: string, story: () => void): void {
  let caught: unknown;
  try {
    story();
  } catch (cause) {
    caught = cause;
  }
  expect(caught).toBeInstanceOf(Violation);
  expect(caught).toMatchObject({ checker });
}

export { epoch };
