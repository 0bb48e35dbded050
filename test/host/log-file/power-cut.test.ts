// Every instant at which the power may fail. All writes of one life of a log are written down in their order; then, for each
// of them, a disk is made on which all before it are done, and of itself some sectors only, by chance. What recovery finds
// there must be everything that was acknowledged before that write began, and nothing that was never appended.

import type * as FileSystem from "node:fs";
import { mkdirSync, writeFileSync } from "node:fs";
import type * as FileSystemPromises from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, it, vi } from "vitest";
import { SeededRandom } from "../../../firmware-sim/seeded-random.ts";
import type { LogFileOptions } from "../../../src/base/ports/log-file.ts";
import { DiskLogFiles } from "../../../src/host/log-file/disk-log-files.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { append } from "./log-on-disk.ts";

type Written =
  | { readonly kind: "create" | "remove"; readonly name: string }
  /** `acknowledged`: the last position that was, when the write began; `released`: positions before were given up by then. */
  | { readonly kind: "write"; readonly name: string; at: number; data: Buffer; acknowledged: number; released: number };

const recorder = vi.hoisted(() => ({
  isOn: false,
  acknowledged: 0,
  released: 1,
  names: new Map<number, string>(),
  written: [] as Written[],
  note(this: void, descriptor: number, data: Uint8Array, from: number, length: number, at: number) {
    const name = recorder.names.get(descriptor);
    if (!recorder.isOn || name === undefined) return;
    const copy = Buffer.from(data.subarray(from, from + length));
    const { acknowledged, released } = recorder;
    recorder.written.push({ kind: "write", name, at, data: copy, acknowledged, released });
  },
}));

vi.mock("node:fs", async (original) => {
  const real = await original<typeof FileSystem>();
  const write = (...parameters: unknown[]) => {
    const [descriptor, data, from, length, at] = parameters as [number, Uint8Array, number, number, number];
    recorder.note(descriptor, data, from, length, at);
    Reflect.apply(real.write, undefined, parameters);
  };
  return { ...real, write };
});

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof FileSystemPromises>();
  const open: typeof real.open = async (path, flags, mode) => {
    const handle = await real.open(path, flags, mode);
    const name = basename(String(path));
    if (!name.endsWith(".segment")) return handle;
    recorder.names.set(handle.fd, name);
    if (recorder.isOn && flags === "wx") recorder.written.push({ kind: "create", name });
    const write = handle.write.bind(handle) as (...parameters: unknown[]) => unknown;
    const recorded = (data: Uint8Array, from: number, length: number, at: number) => {
      recorder.note(handle.fd, data, from, length, at);
      return write(data, from, length, at);
    };
    return Object.assign(handle, { write: recorded });
  };
  const unlink: typeof real.unlink = async (path) => {
    if (recorder.isOn) recorder.written.push({ kind: "remove", name: basename(String(path)) });
    await real.unlink(path);
  };
  return { ...real, open, unlink };
});

const options: LogFileOptions = {
  segmentBytes: 20 * 1024,
  segmentsAhead: 1,
  capacityBytes: 400 * 1024,
  whenDiskIsFull: "fatal",
  describe: (first) => Buffer.from(`first ${first}`),
};
const sectorBytes = 512;
const payloadOf = (position: number) => Buffer.alloc((position * 997) % 6_000, position % 251);

async function recordOneLife(appends: number): Promise<readonly Written[]> {
  const directory = temporaryDirectory();
  const files = new DiskLogFiles(directory.path);
  recorder.isOn = true;
  const { log } = await files.open("log", options, () => undefined);
  for (let position = 1; position <= appends; position++) {
    expect(await append(log, payloadOf(position))).toBeUndefined();
    recorder.acknowledged = position;
    // Sometimes much is released at once, sometimes for long nothing.
    if (position % 7 !== 0) continue;
    recorder.released = position - (position % 5);
    log.release(recorder.released);
  }
  await log.close();
  recorder.isOn = false;
  directory.remove();
  return recorder.written;
}

function apply(image: Map<string, Buffer>, written: Written, isSectorDone: () => boolean): void {
  const { name } = written;
  if (written.kind !== "write") {
    if (written.kind === "create") image.set(name, Buffer.alloc(0));
    else image.delete(name);
  } else {
    const old = image.get(name) ?? Buffer.alloc(0);
    const content = Buffer.concat([old, Buffer.alloc(Math.max(0, written.at + written.data.length - old.length))]);
    for (let from = 0; from < written.data.length; from += sectorBytes) {
      if (isSectorDone()) written.data.copy(content, written.at + from, from, from + sectorBytes);
    }
    image.set(name, content);
  }
}

it("keeps what it acknowledged wherever the power fails (each write of 150 appends, torn)", {
  timeout: 60_000,
}, async () => {
  const random = new SeededRandom(42);
  const history = await recordOneLife(150);
  const recycled = history.filter(({ kind }) => kind === "write").length;
  expect(recycled).toBeGreaterThan(200);

  const image = new Map<string, Buffer>();
  const seen = { cut: 0, kept: 0 };
  for (const written of history) {
    const torn = new Map([...image].map(([name, content]) => [name, Buffer.from(content)]));
    apply(torn, written, () => random.below(2) === 0);
    apply(image, written, () => true);
    if (written.kind !== "write") continue;

    const directory = temporaryDirectory();
    mkdirSync(join(directory.path, "log"));
    for (const [name, content] of torn) writeFileSync(join(directory.path, "log", name), content);
    const found: number[] = [];
    const first = new DiskLogFiles(directory.path);
    const { log, recovery } = await first.open("log", options, ({ position, payload }) => {
      expect(payloadOf(position).equals(payload)).toBe(true);
      found.push(position);
    });
    expect(recovery.next).toBeGreaterThan(written.acknowledged);
    expect(recovery.next).toBeLessThanOrEqual(written.acknowledged + 2);
    expect(recovery.first).toBeLessThanOrEqual(written.released);
    expect(found).toEqual(Array.from({ length: recovery.next - recovery.first }, (_, i) => recovery.first + i));
    seen[recovery.cutTail ? "cut" : "kept"] += 1;

    // And it goes on from there as if nothing had happened.
    const { next } = log;
    expect(await append(log, payloadOf(next))).toBeUndefined();
    await first.abandon();
    const second = new DiskLogFiles(directory.path);
    expect((await second.open("log", options, () => undefined)).recovery).toMatchObject({
      next: next + 1,
      cutTail: false,
    });
    await second.abandon();
    directory.remove();
  }
  expect(Math.min(seen.cut, seen.kept)).toBeGreaterThan(20);
});
