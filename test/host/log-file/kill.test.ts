// `kill -9` at any instant: every payload that was acknowledged is there afterwards, and nothing else than what was appended.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, expect, it } from "vitest";
import { DiskLogFiles } from "../../../src/host/log-file/disk-log-files.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { smallLog } from "./log-on-disk.ts";

const rounds = 20;
const options = { ...smallLog, segmentBytes: 64 * 1024, capacityBytes: 1024 * 1024 };
const program = new URL("append-for-ever.mjs", import.meta.url).pathname;

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

/** Kills the child once it has acknowledged `count` more; the last position that it acknowledged. */
async function appendAndKill(count: number): Promise<number> {
  const child = spawn(process.execPath, [program, directory.path], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    said += text;
    if (said.split("\n").length > count) child.kill("SIGKILL");
  });
  await once(child, "close");
  return Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
}

it(`keeps every acknowledged payload through kill -9 (${rounds} rounds on one log)`, { timeout: 60_000 }, async () => {
  let total = 0;
  for (let round = 1; round <= rounds; round++) {
    const acknowledged = await appendAndKill(10 + round * 7);
    expect(acknowledged).toBeGreaterThan(total);
    const files = new DiskLogFiles(directory.path);
    const { recovery, log } = await files.open("log", options, ({ position, payload }) => {
      expect(payload).toEqual(new Uint8Array(1 + (position % 5_000)).fill(position % 251));
    });
    expect(recovery.next).toBeGreaterThan(acknowledged);
    expect(recovery.first).toBeLessThanOrEqual(acknowledged);
    total = recovery.next - 1;
    await log.close();
  }
});
