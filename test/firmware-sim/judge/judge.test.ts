import { describe, expect, it } from "vitest";
import { siteTime } from "../../../src/base/units.ts";
import { correctSite, type Item, itemOf, type JudgedSite, judged, site, start } from "./judged-site.ts";

const windowOf = ({ topic, body }: Item) =>
  `window ${topic.split("aggregates/")[1]} ${new Date(body.ts).toISOString()}`;

it("passes a site that counted each stored reading once (3 devices, 30 s, some values missing)", () => {
  const verdict = judged(correctSite());
  expect(verdict).toEqual({
    passed: true,
    failures: [],
    readings: { sensed: 336, stored: 336, counted: 336, missing: 24, lost: 0, double: 0 },
  });
});

it("takes the latest edition by item number, not by arrival, and adds supplements", () => {
  const broken = correctSite();
  const item = itemOf(broken, 0);
  const count = item.body.count;
  const last = broken.items.length;
  item.body.count = count - 5;
  broken.items.push({ ...item, body: { ...item.body, id: `1.${last + 1}`, edition: 2, count: count - 2 } });
  broken.items.push({ ...item, body: { ...item.body, id: `1.${last + 2}`, edition: 3, count: 2, adds: true } });
  expect(judged(broken)).toMatchObject({ passed: true, failures: [] });
});

it("accepts a repeat with the same bytes, as after a failover", () => {
  const repeated = correctSite();
  repeated.items.splice(6, 0, ...repeated.items.slice(2, 6));
  expect(judged(repeated).passed).toBe(true);
});

describe("windows that were merged while the uplink was away", () => {
  /** The first series' three windows as one item; `delivered`: of the three, those that came all the same. */
  function merged(delivered: readonly number[], change: Partial<Item["body"]> = {}): ReturnType<typeof correctSite> {
    const built = correctSite();
    const { topic } = itemOf(built, 0);
    const own = built.items.filter((item) => item.topic === topic);
    const count = own.reduce((sum, { body }) => sum + body.count, 0);
    const ids = own.map(({ body }) => body.id);
    const body = { ...itemOf(built, 0).body, id: `1.${built.items.length + 1}`, count, spanMs: 30_000, edition: 2 };
    built.items = built.items.filter((item) => item.topic !== topic || delivered.includes(own.indexOf(item)));
    const replaces = `${ids[0]}-${ids[1]},${ids[2]}-${ids[2]}`;
    built.items.push({ topic, isRetained: false, body: { ...body, replaces, replacedItems: 3, ...change } });
    return built;
  }

  it("stand for the items that they name, whether these came before, or never", () => {
    for (const delivered of [[], [0], [1], [0, 2], [0, 1, 2]]) {
      expect(judged(merged(delivered))).toMatchObject({ passed: true, readings: { counted: 336, lost: 0, double: 0 } });
    }
  });

  it.each<[string, ReturnType<typeof correctSite>, RegExp]>([
    ["leave a number unaccounted", merged([], { replaces: "1.1-1.1" }), /item 1\.\d+ never came/],
    ["say that they replace fewer than never came", merged([], { replacedItems: 2 }), /1 more items never came/],
    ["lost a reading", merged([], { count: 29 }), /window all\/\S+ \S+: stored 30, counted 29: 1 lost/],
    ["do not replace what came", merged([0, 1], { replaces: "1.9-1.9", replacedItems: 1 }), /too many/],
    ["replace no ranges of items", merged([], { replaces: "all" }), /what it replaces are no ranges of items/],
  ])("fail when they %s", (_, broken, message) => {
    expect(judged(broken).failures.join("\n")).toMatch(message);
  });
});

const controls: readonly [string, (broken: ReturnType<typeof correctSite>, item: Item) => void, RegExp, object][] = [
  [
    "a partial is dropped",
    (_, item) => {
      item.body.count = item.body.count - 3;
    },
    /stored \d+, counted \d+: 3 lost/,
    { lost: 3, double: 0 },
  ],
  [
    "a partial is counted twice",
    (_, item) => {
      item.body.count = item.body.count + 3;
    },
    /stored \d+, counted \d+: 3 too many/,
    { lost: 0, double: 3 },
  ],
  [
    "a window is never published",
    (broken, item) => {
      const place = broken.items.indexOf(item);
      broken.items.splice(place, 1);
      for (const [i, { body }] of broken.items.entries()) body.id = `1.${i + 1}`;
    },
    /stored \d+, never published: \d+ lost/,
    { double: 0 },
  ],
];

it.each(controls)("fails and names the window when %s", (_, damage, message, readings) => {
  const broken = correctSite();
  const item = itemOf(broken, 4);
  damage(broken, item);
  const verdict = judged(broken);
  expect(verdict.passed).toBe(false);
  expect(verdict.failures).toHaveLength(1);
  expect(verdict.failures[0]).toMatch(message);
  expect(verdict.failures[0]).toContain(windowOf(item));
  expect(verdict.readings).toMatchObject(readings);
});

it("is not fooled by a loss in one window and a double in another", () => {
  const broken = correctSite();
  itemOf(broken, 1).body.count = itemOf(broken, 1).body.count - 1;
  itemOf(broken, 2).body.count = itemOf(broken, 2).body.count + 1;
  const verdict = judged(broken);
  expect(verdict.readings).toMatchObject({ stored: 336, counted: 336, lost: 1, double: 1 });
  expect(verdict.failures).toHaveLength(2);
});

it("fails on a reading that is stored without a stamp", () => {
  const broken = correctSite();
  const [card] = broken.cards.values();
  const [reading] = card ?? [];
  if (card === undefined || reading === undefined) throw new Error("no card");
  card[0] = { ...reading, stamp: undefined };
  const verdict = judged(broken);
  expect(verdict.failures.join()).toContain(`in no window: ${reading.sensor} number 1`);
  expect(verdict.readings).toMatchObject({ lost: 1, double: 1 });
});

/** From item 7 on generation 2 publishes; the lost majority had published two of its own, the first a window that came out fuller. */
function recovered(): JudgedSite {
  const site = correctSite();
  const [first, seventh] = [itemOf(site, 0), itemOf(site, 6)];
  for (const [i, { body }] of site.items.entries()) body.id = `${i < 6 ? 1 : 2}.${i + 1}`;
  const lost = [
    { ...seventh, body: { ...seventh.body, id: "1.7", count: seventh.body.count + 3, edition: 1 } },
    { ...first, body: { ...first.body, id: "1.8", count: 5, adds: true as const, edition: 0 } },
  ];
  site.items.splice(6, 0, ...lost);
  return site;
}

it("passes a site that went on in a later generation: what the earlier one published from that number on is void", () => {
  const site = recovered();
  expect(judged(site).failures).toEqual([]);
  const late = site.items.splice(6, 2);
  site.items.push(...late);
  expect(judged(site).failures).toEqual([]);
});

it.each<[string, (items: Item[]) => void, RegExp]>([
  ["its numbers do not go on", (items) => void items.splice(9, 1), /item 2\.8 never came/],
  ["an item that is still of the earlier one never comes", (items) => void items.splice(5, 1), /item 1\.6 never came/],
])("fails a site in a later generation when %s", (_, damage, message) => {
  const broken = recovered();
  damage(broken.items);
  expect(judged(broken).failures.join("\n")).toMatch(message);
});

it.each<[string, (items: Item[], third: Item) => void, RegExp]>([
  [
    "an item number never comes",
    (items) => {
      for (const [i, { body }] of items.entries()) body.id = `1.${i + (i > 5 ? 2 : 1)}`;
    },
    /item 1\.7 never came/,
  ],
  [
    "an id comes again with other bytes",
    (items, third) => items.push({ ...third, body: { ...third.body, max: 99 } }),
    /item 1\.3 came again with other bytes/,
  ],
  [
    "a count falls",
    (items, third) =>
      items.push({ ...third, body: { ...third.body, id: `1.${items.length + 1}`, edition: 2, count: 1 } }),
    /count fell from \d+ to 1 \(item 1\.\d+\)/,
  ],
  [
    "a message is no aggregate",
    (_, third) => {
      third.body.ts = -1;
    },
    /aggregates\/all\/.*: ts is no whole number/,
  ],
])("fails when %s", (_, damage, message) => {
  const broken = correctSite();
  damage(broken.items, itemOf(broken, 2));
  expect(judged(broken).failures.join("\n")).toMatch(message);
});

it("counts what came out of order, but not a hole that a retained value fills", () => {
  const swapped = correctSite();
  const [item] = swapped.items.splice(3, 1);
  if (item === undefined) throw new Error("no item");
  swapped.items.push(item);
  expect(judged(swapped).passed).toBe(false);
  expect(judged(swapped).failures).toEqual(["1 items came after a higher number"]);
  item.isRetained = true;
  expect(judged(swapped).passed).toBe(true);
});

it("fails when two devices coordinate in one term", () => {
  const says = (coordinator: string, term: number) => ({
    topic: `skein/1/${site}/site`,
    body: { ts: start, site, coordinator, term, why: "", revision: 3, commit: 9, members: 3, voters: [] },
    isRetained: true,
  });
  expect(judged(correctSite(), [says("pi-01", 2), says("pi-02", 3), says("pi-02", 3)]).passed).toBe(true);
  const verdict = judged(correctSite(), [says("pi-01", 2), says("pi-02", 2)]);
  expect(verdict.failures).toEqual(["term 2 had two coordinators: pi-01 and pi-02"]);
});

it("fails when sensors were not read, a device sensed nothing, or a fault was not injected", () => {
  const slow = correctSite();
  slow.devices = slow.devices.map((device) => ({ ...device, owed: device.owed * 1.1 }));
  expect(judged(slow).failures).toEqual([
    expect.stringMatching(/sensed 336 of the 369.* \(90\.9 %\): pi-01 120 of 132/),
  ]);
  const silent = correctSite();
  silent.devices.push({ device: "pi-04" as never, sensed: 0, owed: 0, stored: 0, kills: 0, readingsPerSecond: 4 });
  silent.faultsLeft.push("20s:kill:pi-02");
  expect(judged(silent).failures).toEqual(["fault not injected: 20s:kill:pi-02", "pi-04 sensed nothing"]);
});

it("allows each kill what the flush interval bounds, and not one reading more", () => {
  const killed = correctSite();
  const [first, ...rest] = killed.devices;
  if (first === undefined) throw new Error("no device");
  const after = (unsynced: number, kills: number) =>
    judged({ ...killed, devices: [{ ...first, sensed: first.stored + unsynced, kills }, ...rest] });
  expect(after(8, 1).passed).toBe(true);
  expect(after(9, 1).failures).toEqual([expect.stringMatching(/9 readings sensed but not stored.*allow 8: pi-01 9/)]);
  expect(after(1, 0).passed).toBe(false);
  expect(after(-1, 0).failures).toEqual([expect.stringMatching(/pi-01 stored 120 readings and sensed only 119/)]);
});

it("puts a reading into the window of its stamp, ends excluded", () => {
  const moved = correctSite();
  const [card] = moved.cards.values();
  const [reading] = card ?? [];
  if (card === undefined || reading === undefined) throw new Error("no card");
  card[0] = { ...reading, stamp: siteTime(start + 9_999) };
  expect(judged(moved).passed).toBe(true);
  card[0] = { ...reading, stamp: siteTime(start + 10_000) };
  expect(judged(moved).readings).toMatchObject({ lost: 1, double: 1 });
});
