// What a survivor's log becomes in the next generation (PROTOCOLS, "A majority lost for good"; RAFT-CASES 51).

import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../firmware-sim/disk/simulated-disk.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { deviceId, type Generation, type Incarnation, memberKey, siteId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { logIndex, milliseconds, siteTime, term } from "../../src/base/units.ts";
import type { Entry } from "../../src/raft/types.ts";
import type { ReplicaParts } from "../../src/replica/contract.ts";
import { beginNextGeneration, isMoreUpToDate, positionOf } from "../../src/replica/next-generation.ts";
import { defaultTiming, openReplica } from "../../src/replica/open-replica.ts";
import { RaftLog } from "../../src/replica/raft-log.ts";
import type { SiteState } from "../../src/site/state.ts";
import { foldOf } from "../../src/site/windows.ts";
import { configuration, epoch, hex, incarnation, origin, Site } from "../site/site-fixture.ts";

const second: Generation = { number: 2, nonce: hex(99) };

/** The commands of a site's life: item 1 is made by entry 6, item 2 by entry 8; item 3 will tell what the lost had not had counted. */
class Recorded extends Site {
  readonly commands: Uint8Array[] = [];

  override applyBytes(command: Uint8Array): ReturnType<Site["applyBytes"]> {
    this.commands.push(command);
    return super.applyBytes(command);
  }
}

function life(): Recorded {
  const s = new Recorded();
  s.found();
  s.join("a");
  s.join("b");
  s.configure(configuration(["a", "b"]));
  s.count("a", 0, [1, 2], { stored: 2 });
  s.now += 80_000;
  s.close();
  s.count("b", 0, [5, 6, 7], { stored: 9 });
  s.now += 80_000;
  s.close();
  s.apply({ kind: "cursor", upTo: 2 });
  return s;
}

class Cards {
  readonly time = new VirtualTime();
  readonly clock = new VirtualClock(this.time);
  readonly random = new SeededRandom(1);

  card(): SimulatedDisk {
    return new SimulatedDisk(this.time, this.random.fork(`card ${this.time.now}`));
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const watched = promise.finally(() => {
      isSettled = true;
    });
    watched.catch(() => undefined);
    while (!isSettled) {
      this.time.run(milliseconds(1));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return watched;
  }

  async open(disk: SimulatedDisk, self = origin("a")): Promise<ReplicaParts> {
    const opened = await this.settle(
      openReplica(
        { clock: this.clock, random: this.random, logFiles: disk.logFiles, storage: disk.openStorage() },
        { self, founds: false, hasPast: true, timing: defaultTiming },
      ),
    );
    if (opened.kind !== "opened") throw new Error(opened.why);
    return opened.parts;
  }

  /** A card with the whole log of `s`, of which everything up to `committed` is known to be agreed. */
  async survivor(s: Recorded, committed: number): Promise<ReplicaParts> {
    const disk = this.card();
    const { log } = await this.settle(RaftLog.open(disk.logFiles, [origin("a"), origin("b"), origin("c")]));
    const entries = s.commands.map(
      (command, i): Entry => ({
        kind: "command",
        index: logIndex(i + 1),
        term: term(3),
        siteTime: siteTime(i < 6 ? epoch + 80_000 : epoch + 160_000),
        command,
      }),
    );
    await this.settle(
      new Promise<void>((done, failed) => {
        const hardState = { term: term(4), vote: undefined };
        log.persist({ kind: "persist", token: 1, hardState, entries, urgent: true }, logIndex(committed), (failure) =>
          failure === undefined ? done() : failed(failure),
        );
      }),
    );
    await this.settle(log.close());
    const parts = await this.open(disk);
    await this.settle(parts.log.close());
    return parts;
  }

  async recover(source: ReplicaParts, generation = second, was: Incarnation[] = []): Promise<ReplicaParts> {
    const disk = this.card();
    const into = { incarnation: incarnation(50), logFiles: disk.logFiles, storage: disk.openStorage() };
    const self = { device: deviceId("a"), incarnation: incarnation(1) };
    const rest = { was, session: 4, version: "0.1.0", lost: [deviceId("b")] };
    await this.settle(beginNextGeneration(source, into, { site: siteId("house"), generation, self, ...rest }));
    return this.open(disk, memberKey({ device: deviceId("a"), incarnation: incarnation(50) }));
  }
}

async function itemIds(cards: Cards, { state, checkpoints }: ReplicaParts): Promise<unknown[]> {
  const view = await cards.settle(checkpoints.view());
  const ids: unknown[] = [];
  for (let number = state.outbox.first; number < state.outbox.next; number++) {
    const bytes = await cards.settle(
      view?.cells.get(checkpoints.keyOf(state.outbox.itemKey(number))) ?? Promise.reject(),
    );
    ids.push(/"id":"([^"]+)"/.exec(Buffer.from(bytes ?? []).toString())?.[1]);
  }
  return ids;
}

const missingIn = (state: SiteState): number =>
  [...state.allWindows()].reduce((sum, window) => sum + foldOf(window).missing, 0);

describe("the next generation", () => {
  it("begins with everything that the log holds, one voter, and a term far above", async () => {
    const cards = new Cards();
    const { state, initial, voters } = await cards.recover(await cards.survivor(life(), 9));
    expect(state.generation).toEqual(second);
    expect(state.revision).toBe(4);
    expect(initial.start).toEqual({ index: 10, term: 1004, voters });
    expect(initial.hardState).toEqual({ term: 1004, vote: undefined });
    expect(voters).toEqual({ current: [`a@${incarnation(50)}`] });
    expect(state.counted(memberKey({ device: deviceId("a"), incarnation: incarnation(50) }))).toBe(2);
    expect(state.isGone(origin("a"))).toBe(true);
  });

  it.each([
    // What is known to be agreed, and the ids that then wait: a cursor that is not is of numbers that may be another's.
    [9, ["2.3"]],
    [8, ["1.1", "1.2", "2.3"]],
    [7, ["1.1", "2.2", "2.3"]],
    [5, ["2.1", "2.2", "2.3"]],
  ])(
    "keeps the ids of what is known to be agreed (up to entry %i), and makes the rest anew under the next number",
    async (committed, ids) => {
      const cards = new Cards();
      const parts = await cards.recover(await cards.survivor(life(), committed));
      expect(parts.state.outbox.next).toBe(4);
      expect(await itemIds(cards, parts)).toEqual(ids);
    },
  );

  it("reports what those declared lost had not had counted as missing, and takes it back when one returns with its card", async () => {
    const cards = new Cards();
    const { state } = await cards.recover(await cards.survivor(life(), 9));
    expect(state.member(deviceId("b"))).toBeUndefined();
    expect(missingIn(state)).toBe(6);
    const s = new Site();
    s.state = state;
    s.index = 20;
    s.join("b", { life: 2, wasLife: 1 });
    expect(s.state.counted(origin("b", 2))).toBe(3);
    expect(missingIn(state)).toBe(0);
  });

  it("can be followed by another one, also before it ever ran", async () => {
    const cards = new Cards();
    const parts = await cards.recover(await cards.survivor(life(), 9));
    await cards.settle(parts.log.close());
    expect(positionOf(parts).last).toEqual({ index: 10, term: 1004 });
    const disk = cards.card();
    const into = { incarnation: incarnation(51), logFiles: disk.logFiles, storage: disk.openStorage() };
    const self = { device: deviceId("a"), incarnation: incarnation(50) };
    const next = { self, was: [incarnation(1)], session: 5, version: "0.1.0", lost: [], site: siteId("house") };
    await cards.settle(beginNextGeneration(parts, into, { ...next, generation: { number: 3, nonce: hex(98) } }));
    const third = await cards.open(disk, memberKey({ device: deviceId("a"), incarnation: incarnation(51) }));
    expect(third.state.generation?.number).toBe(3);
    expect(third.state.counted(memberKey({ device: deviceId("a"), incarnation: incarnation(51) }))).toBe(2);
  });

  it("begins on a card that has as many earlier incarnations as one may name (the oldest is not named any more)", async () => {
    const cards = new Cards();
    const was = Array.from({ length: limits.incarnationsInherited }, (_, place) => incarnation(60 + place));
    const { state } = await cards.recover(await cards.survivor(life(), 9), second, was);
    expect(state.counted(memberKey({ device: deviceId("a"), incarnation: incarnation(50) }))).toBe(2);
  });

  it("is refused on a state of the same or a later generation", async () => {
    const cards = new Cards();
    const first: Generation = { number: 1, nonce: hex(5) };
    await expect(cards.recover(await cards.survivor(life(), 9), first)).rejects.toMatchObject({ code: "refused" });
  });
});

it("the greater last term holds more, then the greater last index", () => {
  const at = (index: number, of: number) => ({ index: logIndex(index), term: term(of) });
  expect(isMoreUpToDate(at(5, 3), at(9, 2))).toBe(true);
  expect(isMoreUpToDate(at(9, 2), at(5, 3))).toBe(false);
  expect(isMoreUpToDate(at(6, 3), at(5, 3))).toBe(true);
  expect(isMoreUpToDate(at(5, 3), at(5, 3))).toBe(false);
});
