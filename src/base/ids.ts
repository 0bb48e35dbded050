// Who is who (PROTOCOLS, "Joining, incarnations, bootstrap"). An address is never an identity.

import { SkeinError } from "./errors.ts";

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

/** 1–32 of `a–z 0–9 -`, beginning with a letter or digit; the device's name on the site, for ever. */
export type DeviceId = Id<"device">;
/** 1–32 of `a–z 0–9 -`; the site's name in topics. */
export type SiteId = Id<"site">;
/** One life of a device's data directory: 128 random bits as 32 lower-case hex digits. */
export type Incarnation = Id<"incarnation">;
/** `device@incarnation`: what Raft and counting call a member. */
export type MemberKey = Id<"member">;
/** The name of a sensor, unique in the site; 1–64 of `a–z 0–9 - _ .`. */
export type SensorId = Id<"sensor">;

export interface Member {
  readonly device: DeviceId;
  readonly incarnation: Incarnation;
}

/** Which founding of the site this is; ordered by number, told apart by the nonce (32 hex digits). */
export interface Generation {
  readonly number: number;
  readonly nonce: string;
}

const namePattern = /^[a-z0-9][a-z0-9-]{0,31}$/;
const sensorPattern = /^[a-z0-9][a-z0-9_.-]{0,63}$/;
const hexPattern = /^[0-9a-f]{32}$/;

export const isDeviceId = (text: unknown): text is DeviceId => typeof text === "string" && namePattern.test(text);
export const isSiteId = (text: unknown): text is SiteId => typeof text === "string" && namePattern.test(text);
export const isSensorId = (text: unknown): text is SensorId => typeof text === "string" && sensorPattern.test(text);
export const isIncarnation = (text: unknown): text is Incarnation => typeof text === "string" && hexPattern.test(text);

export function isMemberKey(text: unknown): text is MemberKey {
  if (typeof text !== "string") return false;
  const at = text.indexOf("@");
  return at > 0 && isDeviceId(text.slice(0, at)) && isIncarnation(text.slice(at + 1));
}

export function deviceId(text: string): DeviceId {
  if (!isDeviceId(text)) throw invalid("device name", text, "1–32 of a–z 0–9 -");
  return text;
}

export function siteId(text: string): SiteId {
  if (!namePattern.test(text)) throw invalid("site name", text, "1–32 of a–z 0–9 -");
  return text as SiteId;
}

export function sensorId(text: string): SensorId {
  if (!isSensorId(text)) throw invalid("sensor name", text, "1–64 of a–z 0–9 - _ .");
  return text;
}

export function incarnation(bytes: Uint8Array): Incarnation {
  return Buffer.from(bytes).toString("hex") as Incarnation;
}

export function memberKey(member: Member): MemberKey {
  return `${member.device}@${member.incarnation}` as MemberKey;
}

export function memberOf(key: MemberKey): Member {
  const at = key.indexOf("@");
  return { device: key.slice(0, at) as DeviceId, incarnation: key.slice(at + 1) as Incarnation };
}

function invalid(what: string, text: string, allowed: string): SkeinError {
  return new SkeinError("invalid-name", `${JSON.stringify(text)} is not a ${what}: use ${allowed}`);
}
