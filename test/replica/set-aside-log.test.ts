// A log that nobody goes on with, read for people: also one that was set aside because it is damaged.

import { expect, it } from "vitest";
import { SimulatedDisk } from "../../firmware-sim/disk/simulated-disk.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import type { LogPosition } from "../../src/base/ports/log-file.ts";
import { logIndex, milliseconds, siteTime, term } from "../../src/base/units.ts";
import type { Entry } from "../../src/raft/types.ts";
import { RaftLog } from "../../src/replica/raft-log.ts";
import { readSetAsideLog } from "../../src/replica/set-aside-log.ts";

const time = new VirtualTime();

async function settle<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const watched = promise.finally(() => {
    isSettled = true;
  });
  watched.catch(() => undefined);
  while (!isSettled) {
    time.run(milliseconds(1));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return watched;
}

async function diskWith(entries: readonly Entry[]): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(time, new SeededRandom(1));
  const { log } = await settle(RaftLog.open(disk.logFiles, []));
  for (const [place, entry] of entries.entries()) {
    const hardState = { term: entry.term, vote: undefined };
    const effect = { kind: "persist", token: place + 1, hardState, entries: [entry], urgent: true } as const;
    await settle(new Promise<void>((done) => log.persist(effect, logIndex(place), () => done())));
  }
  await settle(log.close());
  return disk;
}

const entries = [1, 2, 3].map(
  (index): Entry => ({ kind: "noop", index: logIndex(index), term: term(4), siteTime: siteTime(7) }),
);

it("says its entries, and up to where they were agreed", async () => {
  const { logFiles } = await diskWith(entries);
  const log = await settle(readSetAsideLog(logFiles));
  expect(log).toEqual({ kind: "log", begins: 0, committed: 2, entries });
});

it("says what is wrong with a damaged one, so that the others beside it are listed all the same", async () => {
  const disk = await diskWith(entries);
  disk.damageLog("raft", 1 as LogPosition);
  const log = await settle(readSetAsideLog(disk.logFiles));
  expect(log).toMatchObject({ kind: "damaged", why: expect.stringMatching(/\braft\b/i) });
});
