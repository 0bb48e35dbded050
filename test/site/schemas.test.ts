// The published schemas say what the code does; the documentation names every key.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseConfiguration } from "../../src/site/configuration-file.ts";
import { configurationKeys, driverKeys } from "../../src/site/configuration-schema.ts";
import { isValid } from "./json-schema.ts";
import { degradeOf, waiting } from "./merging.ts";
import { part, site } from "./site-fixture.ts";

type Json = Record<string, never>;
const read = (path: string): string => readFileSync(new URL(`../../docs/${path}`, import.meta.url), "utf8");
const configurationSchema = JSON.parse(read("schemas/configuration.schema.json")) as Json;
const aggregateSchema = JSON.parse(read("schemas/aggregate.schema.json")) as Json;
const page = read("configuration.md");
const examples = [...page.matchAll(/```yaml\n(skein: 1\n[\s\S]*?)```/g)].map(([, text]) => text ?? "");

describe("the configuration's schema", () => {
  it("and the validator accept every whole example of the documentation", () => {
    expect(examples.length).toBeGreaterThanOrEqual(2);
    for (const text of examples) {
      expect(parseConfiguration(text, "example.yaml")).toMatchObject({ kind: "ok" });
      expect(isValid(parse(text), configurationSchema)).toBe(true);
    }
  });

  it.each([
    ["no version", "devices: {}"],
    ["an unknown key", "skein: 1\nsensor: {}"],
    ["a wrong name", "skein: 1\ndevices: { Pi_1: }"],
    ["a wrong span", "skein: 1\nsettings: { flushInterval: 10 }"],
    ["four voters", "skein: 1\nsettings: { voters: 4 }"],
    [
      "a driver without its key",
      "skein: 1\ndevices: { a: }\nsensors: { s: { device: a, driver: thermal, quantity: t, interval: 1s } }",
    ],
    [
      "a key of another driver",
      "skein: 1\ndevices: { a: }\nsensors: { s: { device: a, driver: thermal, zone: x, topic: y, quantity: t, interval: 1s } }",
    ],
    ["a label called zone", "skein: 1\ndevices: { a: { labels: { zone: x } } }"],
    ["an unknown grouping", "skein: 1\naggregations: { all: { groupBy: [room] } }"],
    ["a URL with a password", "skein: 1\nsettings: { uplink: 'mqtt://me:secret@cloud' }"],
    [
      "a range of one",
      "skein: 1\ndevices: { a: }\nsensors: { s: { device: a, driver: thermal, zone: x, range: [1], quantity: t, interval: 1s } }",
    ],
  ])("and the validator refuse the same (%s)", (_name, text) => {
    expect(parseConfiguration(text, "example.yaml").kind).toBe("invalid");
    expect(isValid(parse(text), configurationSchema)).toBe(false);
  });

  it("has the keys that the reader knows, and the documentation names each of them", () => {
    type Part = { properties?: object; additionalProperties?: { anyOf: { properties: object }[] } };
    const { properties, $defs } = configurationSchema as unknown as {
      properties: Record<"settings" | "devices" | "aggregations", Part>;
      $defs: { sensor: { properties: object } };
    };
    const drivers = Object.values(driverKeys).flat();
    expect(Object.keys(properties)).toEqual([...configurationKeys.file]);
    expect(Object.keys(properties.settings.properties ?? {})).toEqual([...configurationKeys.settings]);
    expect(Object.keys(properties.devices.additionalProperties?.anyOf[1]?.properties ?? {})).toEqual([
      ...configurationKeys.device,
    ]);
    expect(Object.keys(properties.aggregations.additionalProperties?.anyOf[1]?.properties ?? {})).toEqual([
      ...configurationKeys.aggregation,
    ]);
    expect(Object.keys($defs.sensor.properties)).toEqual([...configurationKeys.sensor, ...drivers]);
    const all = [...Object.values(configurationKeys).flat(), ...drivers];
    expect(all.filter((key) => !page.includes(`| \`${key}\` |`))).toEqual([]);
  });
});

describe("the aggregates' schema", () => {
  it("describes what replaces items that waited, and wants both of its keys", () => {
    const s = site("a");
    for (let minute = 0; minute < 6; minute++) {
      s.count("a", minute, [minute]);
      s.now += 60_000;
    }
    s.now += 60_000;
    s.close();
    const command = degradeOf(s);
    if (command !== undefined) s.apply(command);
    const [item] = [...waiting(s).values()].slice(-1).map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));
    expect(item).toMatchObject({ replaces: "1.1-1.5", replacedItems: 5 });
    expect(isValid(item, aggregateSchema)).toBe(true);
    const { replacedItems, ...without } = item as { replacedItems: number };
    expect(replacedItems).toBe(5);
    expect(isValid(without, aggregateSchema)).toBe(false);
    expect(isValid({ ...item, replaces: "1.1" }, aggregateSchema)).toBe(false);
  });

  it("describes every published object, with values and without, and supplements", () => {
    const s = site("a");
    s.count("a", 0, [20.5, -3, 0]);
    s.now += 60_000;
    s.count("a", 3, [1], { parts: [{ ...part(s.now, []), fold: { ...part(s.now, []).fold, missing: 1 } }] });
    s.now += 90_000;
    s.close();
    const items = s.items();
    expect(items.map(({ count, missing }) => [count, missing])).toEqual([
      [3, 0],
      [0, 1],
    ]);
    for (const item of items) expect(isValid(item, aggregateSchema)).toBe(true);
  });

  it("refuses a wrong type, a lacking key, an unknown key, and a zero where nothing was measured", () => {
    const s = site("a");
    s.count("a", 0, [20]);
    s.now += 90_000;
    s.close();
    const item = s.items()[0] ?? {};
    expect(isValid(item, aggregateSchema)).toBe(true);
    const { mean, ...withoutMean } = item;
    expect(mean).toBe(20);
    for (const wrong of [{ ...item, count: "1" }, withoutMean, { ...item, more: 1 }, { ...item, count: 0 }]) {
      expect(isValid(wrong, aggregateSchema)).toBe(false);
    }
  });
});
