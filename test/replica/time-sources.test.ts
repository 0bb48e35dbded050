// Which clocks a coordinator believes, in virtual time: against its own crystal, which may be off by 100 ppm.

import { describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { type DeviceId, deviceId, type MemberKey } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { type Duration, hours, logIndex, milliseconds, minutes, seconds, siteTime } from "../../src/base/units.ts";
import { SiteClock } from "../../src/replica/site-time.ts";
import { TimeSources, type TimeVerdict } from "../../src/replica/time-sources.ts";
import { TimeTable } from "../../src/site/time-table.ts";

const spring = Date.UTC(2026, 3, 1);
const self = "a@1" as MemberKey;
const [one, two, three] = ["pi-1", "pi-2", "pi-3"].map(deviceId) as [DeviceId, DeviceId, DeviceId];

/** As often as a coordinator looks at its sources, or nearly. */
const lookInterval = seconds(20);

/** A coordinator, the log that agrees with it at once, and clocks that report every so often. */
class Coordinator {
  readonly time = new VirtualTime();
  readonly crystal: VirtualClock;
  readonly clock: SiteClock;
  readonly table = new TimeTable(() => undefined);
  book = new TimeSources();
  /** How far each source's wall clock is ahead of true time; absent: not synchronised. */
  readonly sources = new Map<DeviceId, number>();
  readonly adoptions: string[] = [];
  verdict: TimeVerdict | undefined;
  #index = 0;

  /** `error`: how far site time is ahead of true time at first. */
  constructor(error: number, ppm = 0) {
    this.crystal = new VirtualClock(this.time, { driftPpm: ppm });
    this.clock = new SiteClock(this.crystal, siteTime(spring + error), this.table.facts);
    this.clock.lead(self, { current: [self] });
  }

  /** How far site time is ahead of true time. */
  get error(): number {
    return (this.clock.now() ?? 0) - spring - this.time.now;
  }

  run(span: Duration, every = minutes(1)): void {
    for (let passed = 0; passed < span; passed += every) {
      for (const [device, wallError] of this.sources) this.#report(device, wallError);
      this.#look();
      for (let looked = 0; looked < every; looked += lookInterval) {
        const before = this.clock.now() ?? 0;
        this.time.run(lookInterval);
        const ran = (this.clock.now() ?? 0) - before;
        expect(Math.abs(ran / lookInterval - 1)).toBeLessThan(500e-6 + 101e-6 + 1 / lookInterval);
        this.#look();
      }
    }
  }

  #report(device: DeviceId, wallError: number): void {
    const site = this.clock.now() ?? siteTime(0);
    const offset = milliseconds(Math.round(spring + this.time.now + wallError - site));
    this.book.heard(device, offset, { now: this.crystal.now(), site });
  }

  #look(): void {
    const site = this.clock.now() ?? siteTime(0);
    this.verdict = this.book.judge(this.crystal.now(), site, this.table.facts);
    this.clock.steer(this.verdict.slew);
    const { adopt } = this.verdict;
    if (adopt === undefined) return;
    this.adoptions.push(`${adopt.sources.join()} ${adopt.jump}`);
    const index = logIndex(++this.#index);
    const after = this.table.facts.changes;
    const result = this.table.change({ kind: "time", after, change: { kind: "adopt", ...adopt } }, { index, at: site });
    if ("reason" in result) throw new Error(result.detail);
    this.clock.arrived(index, site);
    this.clock.applied(index, result.floor, this.table.facts);
    if (adopt.jump > 0) this.book.clear();
  }
}

describe("uncertain site time", () => {
  it("stays so without a source, however long, and drifts with the crystal only", () => {
    const site = new Coordinator(-1 * hours(30), 100);
    site.run(hours(24));
    expect(site.table.facts).toMatchObject({ isSynced: false, changes: 0 });
    expect(site.error + hours(30)).toBeCloseTo(hours(24) * 100e-6, -1);
  });

  it("that woke up in 1970 jumps once, to two sources that agree within 2 s, and to the lower of them", () => {
    const site = new Coordinator(60_000 - spring);
    site.sources.set(one, 900).set(two, -900);
    site.run(minutes(5));
    expect(site.table.facts.isSynced).toBe(true);
    expect(site.table.facts.jumps).toMatchObject([{ at: expect.any(Number), by: spring - 60_000 - 900 }]);
    expect(Math.abs(site.error)).toBeLessThanOrEqual(900);
  });

  it("is not moved by two that differ by more, but by the two of three that agree, the larger or the earlier group", () => {
    const site = new Coordinator(-1 * hours(1));
    site.sources.set(one, 0).set(two, 2_100);
    site.run(minutes(9));
    expect(site.table.facts.isSynced).toBe(false);
    site.sources.set(three, 2_500);
    site.run(minutes(1));
    expect(site.table.facts.sources.map(({ device }) => device)).toEqual([two, three]);

    const torn = new Coordinator(-1 * hours(1));
    for (const [i, error] of [60_000, 60_000, 0, 0].entries()) torn.sources.set(deviceId(`pi-${i}`), error);
    torn.run(minutes(1));
    expect(Math.abs(torn.error)).toBeLessThan(2);
  });

  it("is moved by one source that has stood for 10 minutes, not by one that comes and goes or moves", () => {
    const site = new Coordinator(-1 * hours(1));
    site.sources.set(one, 0);
    site.run(minutes(10));
    expect(site.table.facts.isSynced).toBe(false);
    site.run(minutes(1));
    expect(site.table.facts).toMatchObject({ isSynced: true, jumps: [{ by: hours(1) }] });

    const restless = new Coordinator(-1 * hours(1));
    for (let i = 0; i < 30; i++) {
      restless.sources.set(one, i * 3_000);
      restless.run(minutes(1));
    }
    for (let i = 0; i < 6; i++) {
      restless.sources.set(one, 0);
      restless.run(minutes(5));
      restless.sources.clear();
      restless.run(minutes(5));
    }
    expect(restless.table.facts.changes).toBe(0);
  });

  it("that is ahead of its sources does not jump: it goes 500 ppm slower until they meet", () => {
    const site = new Coordinator(3_600);
    site.sources.set(one, 0).set(two, 0);
    site.run(hours(1));
    expect(site.table.facts).toMatchObject({ isSynced: true, jumps: [], ahead: expect.any(Number) });
    expect(site.error).toBeCloseTo(3_600 - hours(1) * 500e-6, -2);
    site.run(hours(4));
    expect(Math.abs(site.error)).toBeLessThan(5);
  });
});

describe("synced site time", () => {
  function synced(ppm = 0): Coordinator {
    const site = new Coordinator(-1 * hours(1), ppm);
    site.sources.set(one, 0).set(two, 5).set(three, -5);
    site.run(minutes(2));
    expect(site.table.facts.isSynced).toBe(true);
    return site;
  }

  it.each([100, -100])(
    "stays within 100 ms of sources that report every 15 minutes, for a week (crystal off by %i ppm)",
    (ppm) => {
      const site = synced(ppm);
      site.run(hours(1));
      for (let day = 0; day < 7; day++) {
        site.run(hours(24), minutes(15));
        expect(Math.abs(site.error)).toBeLessThan(100);
      }
      expect(site.table.facts.jumps).toHaveLength(1);
      expect(site.adoptions.length).toBeLessThan(3 + 7 * 25);
    },
  );

  it("ignores and names one that lies, and does not move by a millisecond for it", () => {
    const site = synced();
    site.sources.set(three, 300_000);
    site.run(hours(6));
    expect(site.verdict?.sources).toMatchObject([
      { device: one, isAgreeing: true },
      { device: two, isAgreeing: true },
      { device: three, isAgreeing: false, offset: expect.closeTo(300_000, -2) },
    ]);
    expect(Math.abs(site.error)).toBeLessThan(8);
    expect(site.adoptions.slice(-1)[0]).toBe(`${one},${two} 0`);
  });

  it("does not jump to sources that all moved together: a person must say so", () => {
    const site = synced();
    for (const device of [one, two, three]) site.sources.set(device, 7_200_000);
    site.run(hours(2));
    expect(site.table.facts.jumps).toHaveLength(1);
    expect(site.verdict?.sources.some(({ isAgreeing }) => isAgreeing)).toBe(false);
    expect(Math.abs(site.error)).toBeLessThan(8);
  });

  it("believes after ten days without network what its crystal may have drifted, and is slewed there in its time", () => {
    const site = synced(-100);
    const names = [...site.sources.keys()];
    site.sources.clear();
    site.run(hours(240), hours(1));
    expect(site.error).toBeLessThan(-1 * hours(240) * 99e-6);
    for (const device of names) site.sources.set(device, 0);
    site.run(minutes(10));
    expect(site.verdict?.sources.every(({ isAgreeing }) => isAgreeing)).toBe(true);
    site.run(hours(72), minutes(15));
    expect(Math.abs(site.error)).toBeLessThan(100);
    expect(site.table.facts.jumps).toHaveLength(1);
  });

  it("believes the next coordinator's book alike: what has agreed stands in the log", () => {
    const site = synced();
    site.book = new TimeSources();
    site.sources.set(three, 300_000);
    site.run(minutes(1));
    expect(site.verdict?.sources.map(({ isAgreeing }) => isAgreeing)).toEqual([true, true, false]);
  });

  it("asks the log no more than once an hour, with more sources than it names (50 devices)", () => {
    const site = new Coordinator(-1 * hours(1));
    for (let i = 0; i < 50; i++) site.sources.set(deviceId(`pi-${i}`), (i * 37) % 100);
    site.run(hours(24), minutes(5));
    expect(site.table.facts.sources).toHaveLength(limits.timeSources);
    expect(site.adoptions.length).toBeLessThan(30);
  });
});
