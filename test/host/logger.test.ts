import { execFileSync, spawnSync } from "node:child_process";
import { expect, it } from "vitest";

const logger = new URL("../../dist/src/host/logger.js", import.meta.url).pathname;
const program = (body: string) => ["--input-type=module", "-e", `import { createLogger } from "${logger}"; ${body}`];

it("writes events with fields as JSON lines, of the level asked for and above, children with their own fields", () => {
  const body = `
    const log = createLogger({ level: "info", descriptor: 1 });
    log.debug({ no: 1 }, "hidden");
    log.child({ device: "pump" }).info({ term: 3, votes: 2 }, "elected");`;
  const lines = execFileSync(process.execPath, program(body), { encoding: "utf8" }).trim().split("\n");
  expect(lines.length).toBe(1);
  const line = JSON.parse(lines[0] ?? "") as { time: string };
  expect(line).toMatchObject({ level: 30, device: "pump", term: 3, votes: 2, msg: "elected" });
  expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT/);
  expect(line).not.toHaveProperty("pid");
});

it("loses no line when the process is killed right after it (standard error, kill -9)", () => {
  const body = `
    const log = createLogger({ level: "debug", descriptor: 2 });
    for (let i = 0; i < 500; i++) log.error({ i }, "line");
    process.kill(process.pid, "SIGKILL");`;
  const { stderr, signal } = spawnSync(process.execPath, program(body), { encoding: "utf8" });
  expect(signal).toBe("SIGKILL");
  expect(stderr.trim().split("\n").length).toBe(500);
});
