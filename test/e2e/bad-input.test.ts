// What is wrong is said in one message that names it, and nothing changes (issue 2, point 5).

import { readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { probeConfiguration } from "./probes.ts";
import { runSkein } from "./program.ts";
import { canMountDisks, SmallDisk } from "./small-disk.ts";
import { siteName, TestSite } from "./test-site.ts";

/** As `skein --help` says them. */
const exitCodes = { configuration: 65, unavailable: 69, cannotWrite: 73 };

const probeRest = ["driver: thermal", "zone: cpu", "quantity: temperature", "interval: 1s"].map(
  (line) => `    ${line}`,
);

/** Not a stack, not a log: one line for a person. */
function expectOneLine(text: string): void {
  expect(text.trimEnd().split("\n")).toHaveLength(1);
  expect(text).toMatch(/^skein: /);
}

describe("bad input to a site that runs (1 agent)", () => {
  let site: TestSite;
  let revision: number;

  beforeAll(async () => {
    site = await TestSite.prepare(1);
    await site.start();
    revision = await site.configure(probeConfiguration(["pi-1"], site.broker.url, ""));
  });

  afterAll(() => site?.dispose());

  const wrong: readonly { what: string; lines: readonly string[]; says: readonly RegExp[] }[] = [
    {
      what: "keys and values, all at once",
      lines: [
        "skein: 1",
        "settings: { flushInterval: 10 }",
        "sensors:",
        "  probe: { device: pi-1, driver: mqtt, broker: 'mqtt://x', topic: a, quantity: t, intervall: 1s }",
      ],
      says: [
        /wrong\.yaml:2:\d+: settings\.flushInterval: expected a span of time .*10s or 10ms/,
        /wrong\.yaml:4:\d+: sensors\.probe\.intervall: .*did you mean "interval"/,
      ],
    },
    {
      what: "a name that stands for nothing",
      lines: ["skein: 1", "devices: { pi-1: {} }", "sensors:", "  probe:", "    device: pi-2", ...probeRest],
      says: [/wrong\.yaml:5:\d+: sensors\.probe\.device: .*pi-2/],
    },
    { what: "no YAML", lines: ["skein: 1", "devices: { pi-1: "], says: [/wrong\.yaml:\d+:\d+: /] },
  ];

  it.each(wrong)(
    "an invalid configuration names file, line and key, and nothing changes ($what)",
    async ({ lines, says }) => {
      const file = join(site.directory, "wrong.yaml");
      writeFileSync(file, `${lines.join("\n")}\n`);
      const { code, stdout, stderr } = await site.skein("config", "apply", file, "--yes");
      expect(code).toBe(exitCodes.configuration);
      expect(stdout).toBe("");
      for (const message of says) expect(stderr).toMatch(message);
      expect((await site.statusOf("pi-1"))?.revision).toBe(revision);
    },
  );

  it("a data directory that another agent uses is refused by name, and that agent goes on", async () => {
    const { data } = site.device("pi-1");
    const args = ["--site", siteName, "--device", "pi-9", "--data", data, "--broker", site.broker.url];
    const { code, stderr } = await runSkein(["run", ...args]);
    expect(code).toBe(exitCodes.cannotWrite);
    expectOneLine(stderr);
    expect(stderr).toContain(data);
    expect(stderr).toMatch(/another agent/i);
    expect((await site.statusOf("pi-1"))?.role).toBe("leader");
  });
});

describe("bad input to an agent that starts", () => {
  const run = (...args: string[]) => runSkein(["run", "--site", siteName, "--device", "pi-1", ...args]);

  it.skipIf(!canMountDisks)("a data directory that cannot be written is one clear message, and no start", async () => {
    const disk = new SmallDisk(1, "ro");
    try {
      const data = join(disk.path, "pi-1");
      const { code, stdout, stderr } = await run("--data", data, "--broker", "mqtt://127.0.0.1:1");
      expect(code).toBe(exitCodes.cannotWrite);
      expectOneLine(stderr);
      expect(stderr).toContain(data);
      expect(stderr).toMatch(/read-only/);
      expect(stdout).toBe("");
      expect(readdirSync(disk.path)).toEqual([]);
    } finally {
      disk.dispose();
    }
  });

  it("a data directory that is a file is one clear message, and no start", async () => {
    const { code, stderr } = await run("--data", "/proc/version", "--broker", "mqtt://127.0.0.1:1");
    expect(code).toBe(exitCodes.cannotWrite);
    expectOneLine(stderr);
    expect(stderr).toContain("/proc/version");
  });

  it.skipIf(!canMountDisks)("a disk that is full at the start is one clear message, and no start", async () => {
    const disk = new SmallDisk(1);
    try {
      disk.fill();
      const { code, stderr } = await run("--data", join(disk.path, "pi-1"), "--broker", "mqtt://127.0.0.1:1");
      expect(code).toBe(exitCodes.cannotWrite);
      expectOneLine(stderr);
      expect(stderr).toMatch(/full/);
    } finally {
      disk.dispose();
    }
  });

  it("a port in use says which", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const site = await TestSite.prepare(0);
    try {
      const address = taken.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const { code, stderr } = await run("--data", join(site.directory, "pi-1"), "--embed-broker", `127.0.0.1:${port}`);
      expect(code).toBe(exitCodes.unavailable);
      expectOneLine(stderr);
      expect(stderr).toContain(`ort ${port}`);
    } finally {
      taken.close();
      await site.dispose();
    }
  });
});
