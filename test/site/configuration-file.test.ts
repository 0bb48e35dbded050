// What a person is told about a configuration file, and that a file written by us says the same again.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceId, sensorId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { milliseconds, minutes, seconds } from "../../src/base/units.ts";
import { powers, type SiteConfiguration } from "../../src/site/configuration.ts";
import { diffConfiguration, formatDiff } from "../../src/site/configuration-diff.ts";
import { formatProblems, parseConfiguration } from "../../src/site/configuration-file.ts";
import { formatConfiguration, plainConfiguration } from "../../src/site/configuration-format.ts";
import { configuration } from "./site-fixture.ts";

const example = `skein: 1
settings: { editionInterval: 60s, flushInterval: 10s, uplink: site, voters: 5 }
devices:
  pi-1: { zone: north, labels: { row: a } }
sensors:
  bench-temp: { device: pi-1, driver: thermal, zone: cpu-thermal, quantity: temperature, unit: °C, interval: 1s, range: [-20, 60], stuckAfter: 10m }
  door: { device: pi-1, driver: mqtt, broker: mqtt://127.0.0.1:1883, topic: zigbee2mqtt/door, path: $.contact, quantity: contact, unit: "1", interval: 60s }
aggregations: { all: { window: 60s, groupBy: [quantity] } }
`;

function parsed(text: string): SiteConfiguration {
  const result = parseConfiguration(text, "site.yaml");
  if (result.kind === "invalid") throw new Error(formatProblems(result.problems));
  return result.configuration;
}

function problems(text: string): string[] {
  const result = parseConfiguration(text, "site.yaml");
  return result.kind === "ok" ? [] : formatProblems(result.problems).trimEnd().split("\n");
}

/** The example with one piece of text replaced. */
const changed = (before: string, after: string): string => example.replace(before, after);

describe("a configuration file", () => {
  it("is read into its normal form (the example of the documentation)", () => {
    const { devices, sensors, aggregations, settings } = parsed(example);
    expect(devices.get(deviceId("pi-1"))).toEqual({ zone: "north", power: "mains", labels: { row: "a" } });
    expect(sensors.get(sensorId("bench-temp"))).toEqual({
      device: "pi-1",
      driver: { kind: "thermal", zone: "cpu-thermal" },
      quantity: "temperature",
      unit: "°C",
      interval: seconds(1),
      range: { min: -20, max: 60 },
      stuckAfter: minutes(10),
      labels: {},
    });
    expect(sensors.get(sensorId("door"))?.driver).toEqual({
      kind: "mqtt",
      broker: "mqtt://127.0.0.1:1883",
      topic: "zigbee2mqtt/door",
      path: "$.contact",
    });
    expect(aggregations.get("all")).toEqual({
      window: seconds(60),
      grace: seconds(15),
      groupBy: ["quantity"],
      where: {},
    });
    expect(settings).toEqual({ editionInterval: 60_000, flushInterval: 10_000, uplink: "site", voters: 5 });
  });

  it("has one aggregation with every sensor unless it says otherwise (no aggregations, no settings)", () => {
    const { aggregations, settings } = parsed("skein: 1\ndevices: { pi-1: }\n");
    expect([...aggregations.keys()]).toEqual(["all"]);
    expect(settings.voters).toBe(5);
  });

  it.each([
    [
      "a misspelled key",
      changed("interval: 1s", "intervall: 1s"),
      [
        "site.yaml:6:3: sensors.bench-temp.interval: interval is missing",
        'site.yaml:6:100: sensors.bench-temp.intervall: there is no such key (did you mean "interval"?); known: device, driver, quantity, unit, interval, range, stuckAfter, labels, zone',
      ],
    ],
    [
      "a number without a unit",
      changed("interval: 1s", "interval: 10"),
      [
        "site.yaml:6:100: sensors.bench-temp.interval: expected a span of time such as 500ms, 10s, 1m or 1h30m, found 10; which unit? 10s or 10ms",
      ],
    ],
    [
      "a device that is not declared",
      changed("door: { device: pi-1", "door: { device: pi-l"),
      ['site.yaml:7:11: sensors.door.device: there is no device "pi-l" under devices (did you mean "pi-1"?)'],
    ],
    [
      "a driver that there is not",
      changed("driver: thermal", "driver: termal"),
      [
        'site.yaml:6:31: sensors.bench-temp.driver: expected thermal, mqtt, simulated, found "termal" (did you mean "thermal"?)',
      ],
    ],
    [
      "a window that does not divide a day",
      changed("window: 60s", "window: 7m"),
      [
        "site.yaml:8:24: aggregations.all.window: expected a span that divides a day evenly, such as 10s, 1m, 15m, 1h, found 7m",
      ],
    ],
    [
      "a grace that closes before the flush",
      changed("window: 60s", "window: 60s, grace: 10s"),
      [
        "site.yaml:8:37: aggregations.all.grace: expected at least 14s with a flush interval of 10s (devices flush, then send), found 10s",
      ],
    ],
    ["a key written twice", changed("skein: 1", "skein: 1\nsensors: {}"), ["site.yaml:6:1: sensors: is written twice"]],
    [
      "an alias",
      changed("labels: { row: a }", "labels: *x"),
      ["site.yaml:4:24: devices.pi-1.labels: aliases (*name) are not accepted; write the value out"],
    ],
    [
      "an anchor and its alias",
      changed("zone: north, labels: { row: a }", "zone: &z north, labels: { row: *z }"),
      [
        "site.yaml:4:11: devices.pi-1.zone: anchors (&name) are not accepted",
        "site.yaml:4:37: devices.pi-1.labels.row: aliases (*name) are not accepted; write the value out",
      ],
    ],
    [
      "a power that feeds nothing",
      changed("zone: north, labels", "zone: north, power: solar, labels"),
      ['site.yaml:4:24: devices.pi-1.power: expected mains or battery, found "solar"'],
    ],
    [
      "a password in a URL",
      changed("mqtt://127", "mqtt://me:secret@127"),
      [
        "site.yaml:7:39: sensors.door.broker: must not contain a user name or password: every member of the site can read this",
      ],
    ],
    [
      "a label that nothing has",
      changed("groupBy: [quantity]", "groupBy: [quantity, label:rwo], where: { zone: nort }"),
      [
        'site.yaml:8:37: aggregations.all.groupBy: no device and no sensor has a label "rwo" (did you mean "row"?)',
        'site.yaml:8:78: aggregations.all.where.zone: there is no zone "nort" (did you mean "north"?)',
      ],
    ],
    [
      "a range the wrong way round",
      changed("[-20, 60]", "[60, -20]"),
      ["site.yaml:6:114: sensors.bench-temp.range: expected [lowest, highest], found [60, -20]"],
    ],
    [
      "text that stands for a truth value",
      changed("zone: north", "zone: true"),
      ["site.yaml:4:11: devices.pi-1.zone: expected text, found true; put it into quotes if it is meant so"],
    ],
    [
      "another version",
      changed("skein: 1", "skein: 2"),
      ["site.yaml:1:1: skein: expected 1: this agent knows no other version"],
    ],
    [
      "no version",
      changed("skein: 1\n", "\n"),
      ['site.yaml:1:1: expected a first line "skein: 1", the version of the file'],
    ],
    [
      "a list where keys belong",
      "skein: 1\nsensors: [a]\n",
      ["site.yaml:2:1: sensors: expected keys and values, found a list"],
    ],
    ["no YAML at all", "skein: [1\n", [expect.stringMatching(/^site\.yaml:\d+:\d+: not YAML: /)]],
  ])(
    "that is wrong names file, line, column, key, what was expected and what was found (%s)",
    (_name, text, expected) => {
      expect(problems(text)).toEqual(expected);
    },
  );

  it("is told all that is wrong with it at once, in the order of lines", () => {
    const text = changed("voters: 5", "voters: 4")
      .replace("interval: 1s", "interval: 1ms")
      .replace("topic: zigbee2mqtt/door", "topic: a/#");
    expect(problems(text).map((line) => line.split(": ").slice(0, 2))).toEqual([
      ["site.yaml:2:69", "settings.voters"],
      ["site.yaml:6:100", "sensors.bench-temp.interval"],
      ["site.yaml:7:70", "sensors.door.topic"],
    ]);
  });

  it.each([
    [
      "aliases of aliases",
      `skein: 1\na: &a [x]\n${Array.from({ length: 40 }, (_, i) => `b${i}: [*a, *a]`).join("\n")}\n`,
    ],
    ["a hundred thousand open brackets", "[".repeat(100_000)],
    ["a hundred thousand nested lists without brackets", `a: ${"- ".repeat(100_000)}`],
    ["more bytes than a configuration may have", `skein: 1\n#${"x".repeat(limits.configurationBytes)}\n`],
    ["nothing", ""],
  ])("is refused in a moment and without harm (%s)", (_name, text) => {
    expect(problems(text).length).toBeGreaterThan(0);
  });

  it("may be any text without harm (random edits of the example)", () => {
    const edit = fc.tuple(
      fc.nat(example.length),
      fc.nat(5),
      fc.string({ maxLength: 5, unit: fc.constantFrom(...Array.from("{}[]:,-&*!|> \n\"'#%@`a1")) }),
    );
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let text = example;
        for (const [at, length, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + length);
        const result = parseConfiguration(text, "site.yaml");
        if (result.kind === "ok")
          expect(parsed(formatConfiguration(result.configuration))).toEqual(result.configuration);
        else expect(result.problems.every(({ line, message }) => line >= 1 && message !== "")).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

const level = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,10}$/);
const label = fc
  .stringMatching(/^[a-z][a-z0-9_-]{0,8}$/)
  .filter((name) => !["zone", "device", "quantity"].includes(name));
const labels = fc.dictionary(label, level, { maxKeys: 3, noNullPrototype: true });
const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,8}$/);
const span = (min: number, max: number) => fc.integer({ min, max }).map(milliseconds);
const anyConfiguration: fc.Arbitrary<SiteConfiguration> = fc
  .record({
    devices: fc.uniqueArray(
      fc.record({ name, zone: fc.option(level, { nil: undefined }), power: fc.constantFrom(...powers), labels }),
      {
        selector: (d) => d.name,
        minLength: 1,
        maxLength: 4,
      },
    ),
    sensors: fc.uniqueArray(
      fc.record({
        name: fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{0,10}$/),
        device: fc.nat(),
        driver: fc.oneof(
          fc.record({ kind: fc.constant("thermal" as const), zone: fc.stringMatching(/^[a-z0-9-]{1,8}$/) }),
          fc.record({ kind: fc.constant("simulated" as const), profile: level }),
          fc.record({
            kind: fc.constant("mqtt" as const),
            broker: fc.constant("mqtts://broker.example:8883"),
            topic: fc.stringMatching(/^[ -~]{1,20}$/).filter((topic) => !/[+#]/.test(topic)),
            path: fc.option(fc.constantFrom("$", "$.a", "$['x:y']"), { nil: undefined }),
          }),
        ),
        quantity: level,
        unit: fc.constantFrom("", "°C", "1", "%", "no", "null", "~", "0x10", "m/s"),
        interval: span(100, 100_000),
        range: fc.option(
          fc.record({ min: fc.integer({ min: -99, max: 0 }), max: fc.double({ min: 1, max: 99, noNaN: true }) }),
          { nil: undefined },
        ),
        stuckAfter: fc.option(span(100_001, 9_999_999), { nil: undefined }),
        labels,
      }),
      { selector: (s) => s.name, maxLength: 4 },
    ),
    window: fc.constantFrom(1, 10, 60, 3600),
    grace: span(14_000, 60_000),
    voters: fc.constantFrom(1, 3, 5, 7),
  })
  .map(({ devices, sensors, window, grace, voters }) => ({
    devices: new Map(devices.map((d) => [deviceId(d.name), { zone: d.zone, power: d.power, labels: d.labels }])),
    sensors: new Map(
      sensors.map(({ name: id, device, ...rest }) => [
        sensorId(id),
        { ...rest, device: deviceId(devices[device % devices.length]?.name ?? "") },
      ]),
    ),
    aggregations: new Map([["all", { window: seconds(window), grace, groupBy: ["quantity", "zone"], where: {} }]]),
    settings: { editionInterval: seconds(60), flushInterval: seconds(10), uplink: "site", voters },
  }));

describe("a configuration", () => {
  it("is written so that it is read back as the same, as YAML and as JSON (random configurations)", () => {
    fc.assert(
      fc.property(anyConfiguration, (any) => {
        const text = formatConfiguration(any);
        expect(parsed(text)).toEqual(any);
        expect(formatConfiguration(parsed(text))).toBe(text);
        expect(parsed(JSON.stringify(plainConfiguration(any)))).toEqual(any);
        expect(diffConfiguration(any, parsed(text))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("is compared with another value by value, for people (one sensor changed, one gone, one new)", () => {
    const before = parsed(example);
    const after = parsed(
      changed("interval: 1s", "interval: 2s")
        .replace(", stuckAfter: 10m", "")
        .replace(/ {2}door:.*\n/, "")
        .replace("sensors:", "  pi-2:\nsensors:"),
    );
    expect(formatDiff(diffConfiguration(before, after))).toBe(
      `+ devices.pi-2: power mains
~ sensors.bench-temp.interval: 1s → 2s
- sensors.bench-temp.stuckAfter: 10m
- sensors.door: device pi-1, driver.kind mqtt, driver.broker mqtt://127.0.0.1:1883, driver.topic zigbee2mqtt/door, driver.path $.contact, quantity contact, unit 1, interval 1m
`,
    );
    expect(formatDiff([])).toBe("No changes.\n");
  });

  it("can be changed piece by piece in the order of the difference (devices before their sensors, and gone after them)", () => {
    const sections = diffConfiguration(configuration(["a", "b"]), configuration(["b", "c"])).map(
      ({ section, name: item }) => `${section}.${item}`,
    );
    expect(sections).toEqual(["devices.c", "sensors.a-t", "sensors.c-t", "devices.a"]);
  });
});
