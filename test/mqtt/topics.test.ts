import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { type Topic, Topics, topicLevel, topicTable } from "../../src/mqtt/topics.ts";
import { site } from "./site-of-devices.ts";

const topics = new Topics(site);
const [a, b] = [deviceId("a"), deviceId("b-1")];

const examples: readonly [Topic, string][] = [
  [{ kind: "log", from: a }, "log/a"],
  [{ kind: "to", device: a, from: b }, "to/a/b-1"],
  [{ kind: "data", device: a, from: b }, "data/a/b-1"],
  [{ kind: "presence", device: a }, "presence/a"],
  [{ kind: "ask", device: a, client: b }, "api/ask/a/b-1"],
  [{ kind: "answer", client: b, device: a }, "api/answer/b-1/a"],
  [{ kind: "aggregates", name: "all", group: [] }, "aggregates/all"],
  [{ kind: "aggregates", name: "all", group: ["Größe", "2", "3", "4", "5"] }, "aggregates/all/Größe/2/3/4/5"],
  [{ kind: "events", event: "rollout" }, "events/rollout"],
  [{ kind: "site" }, "site"],
];

describe("Topics", () => {
  it.each(examples)("%o is %s, both ways", (topic, text) => {
    expect(topics.build(topic)).toBe(`skein/1/test/${text}`);
    expect(topics.parse(`skein/1/test/${text}`)).toEqual(topic);
  });

  it.each([
    ...["", "log", "log/", "log/A", "log/a/b", "to/a", "to/a/b/c", "data//a", "presence/a/b", "presence", "api"],
    ...[
      "api/ask/a",
      "api/ask/a/b/c",
      "api/tell/a/b",
      "aggregates",
      "aggregates/",
      "aggregates/a//b",
      "events",
      "events/a/b",
    ],
    ...[
      "site/x",
      "nothing",
      `log/${"a".repeat(33)}`,
      `aggregates/${"a".repeat(65)}`,
      "aggregates/a+b",
      `events/a\u0000`,
    ],
    `aggregates/${Array.from({ length: 40 }).fill("a".repeat(30)).join("/")}`,
  ])("no topic of the tree: %j", (text) => {
    expect(topics.parse(`skein/1/test/${text}`)).toBeUndefined();
  });

  it.each(["skein/1/other/site", "skein/2/test/site", "site", "/skein/1/test/site"])(
    "no topic of this site: %s",
    (text) => {
      expect(topics.parse(text)).toBeUndefined();
    },
  );

  it("a level made of any text is one level, without wildcards, bounded, not empty, and stays as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const level = topicLevel(text);
        expect(level).not.toMatch(/[+#/\p{Cc}]/u);
        expect(level.length).toBeGreaterThan(0);
        expect(level.length).toBeLessThanOrEqual(limits.topicLevelLength);
        expect(Buffer.from(level).toString()).toBe(level);
        expect(topicLevel(level)).toBe(level);
      }),
    );
    expect(topicLevel(`${"x".repeat(63)}😀`)).toBe("x".repeat(63));
    expect(topicLevel("a/b+c#")).toBe("a_b_c_");
    expect(topicLevel("")).toBe("_");
  });

  it("docs/topics.md lists the tree as the code has it, and why each topic is harmless", () => {
    const page = readFileSync(new URL("../../docs/topics.md", import.meta.url), "utf8");
    const rows = page.split("\n").filter((line) => line.startsWith("| `"));
    const cells = rows.map((row) =>
      row
        .split("|")
        .map((cell) => cell.trim())
        .slice(1, -1),
    );
    const listed = cells.filter((row) => row.length === 5);
    const expected = Object.values(topicTable).map(({ pattern, publisher, qos, retain }) => [
      `\`${pattern}\``,
      publisher,
      String(qos),
      retain ? "yes" : "no",
    ]);
    expect(listed.map((row) => row.slice(0, 4))).toEqual(expected);
    const explained = cells.filter((row) => row.length === 3);
    expect(explained.map(([topic]) => topic)).toEqual(expected.map(([topic]) => topic));
    expect(explained.flat().every((cell) => cell.length > 3)).toBe(true);
  });
});
