// `identity.json`: who this data directory is, under a checksum, replaced as a whole.

import { readFile, rename } from "node:fs/promises";
import { crc32 } from "../base/hash.ts";
import {
  type DeviceId,
  type Generation,
  type Incarnation,
  isDeviceId,
  isIncarnation,
  isSiteId,
  type SiteId,
} from "../base/ids.ts";
import type { DataDirectoryIdentity } from "../base/ports/data-directory.ts";
import { errorCode, replaceFile } from "./disk-access.ts";

const format = 1;

/** Whose directory it is. What lies in it under one name must never speak under another: it holds votes and numbered readings. */
export interface DataDirectoryOwner {
  readonly site: SiteId;
  readonly device: DeviceId;
}

export type StoredIdentity = DataDirectoryIdentity & {
  /** Absent until an agent said who it is. */
  readonly owner?: DataDirectoryOwner;
  /** Incarnations whose state is still in the directory, newest first. */
  readonly earlier: readonly Incarnation[];
};

/** Undefined: there is none. `damaged`: there was one that cannot be read; it is renamed, for people. */
export async function readIdentity(path: string): Promise<StoredIdentity | "damaged" | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw cause;
  }
  const identity = parse(text);
  if (identity !== undefined) return identity;
  await rename(path, `${path}.damaged`);
  return "damaged";
}

export async function writeIdentity(path: string, identity: StoredIdentity): Promise<number> {
  const body = { format, ...identity };
  const text = `${JSON.stringify({ ...body, check: checkOf(body) }, undefined, 2)}\n`;
  await replaceFile(path, text);
  return text.length;
}

const checkOf = (body: object): number => crc32(Buffer.from(JSON.stringify(body)));

function parse(text: string): StoredIdentity | undefined {
  try {
    const { check, ...body } = JSON.parse(text) as Record<string, unknown>;
    const { format: written, incarnation, session, storageSerial, generation, was, owner, earlier } = body;
    if (check !== checkOf(body) || written !== format) return undefined;
    if (!isIncarnation(incarnation) || !Number.isSafeInteger(session) || typeof storageSerial !== "string") {
      return undefined;
    }
    if (!Array.isArray(earlier) || !earlier.every(isIncarnation)) return undefined;
    if (!Array.isArray(was) || !was.every(isIncarnation)) return undefined;
    return {
      incarnation,
      session: Number(session),
      storageSerial,
      was,
      earlier,
      ...(isOwner(owner) ? { owner: { site: owner.site, device: owner.device } } : {}),
      ...(isGeneration(generation) ? { generation: { number: generation.number, nonce: generation.nonce } } : {}),
    };
  } catch {
    return undefined;
  }
}

function isGeneration(value: unknown): value is Generation {
  if (typeof value !== "object" || value === null || !("number" in value) || !("nonce" in value)) return false;
  return Number.isSafeInteger(value.number) && typeof value.nonce === "string";
}

function isOwner(value: unknown): value is DataDirectoryOwner {
  if (typeof value !== "object" || value === null || !("site" in value) || !("device" in value)) return false;
  return isSiteId(value.site) && isDeviceId(value.device);
}
