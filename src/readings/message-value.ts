// The number in a message of another device.
//
// Taken for a number: a JSON number; a text that is one ("21.5", as many devices write them); true and false, and the texts
// on, off, true, false in any case, as 1 and 0 (Tasmota, Zigbee2MQTT and ESPHome say ON and OFF). Nothing else: a guess that
// is wrong is worse than a reading that is named missing.

import { type JsonPath, valueAt } from "./json-path.ts";

export type MessageValue =
  | { readonly kind: "value"; readonly value: number }
  /** What came instead, shortened. */
  | { readonly kind: "none"; readonly why: string };

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const switches: ReadonlyMap<string, number> = new Map([
  ["on", 1],
  ["true", 1],
  ["off", 0],
  ["false", 0],
]);
const shownLength = 60;

/** Without a path, the whole payload is the value; with one, it is a JSON document. */
export function messageValue(payload: Uint8Array, path: JsonPath | undefined): MessageValue {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8");
  if (path === undefined) return toValue(text, text);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { kind: "none", why: `no JSON: ${shortened(JSON.stringify(text))}` };
  }
  const found = valueAt(document, path);
  return found === undefined
    ? { kind: "none", why: `nothing there in ${shortened(text)}` }
    : toValue(found, JSON.stringify(found));
}

function toValue(found: unknown, shown: string): MessageValue {
  const value = numberIn(found);
  if (value !== undefined && Number.isFinite(value)) return { kind: "value", value };
  return { kind: "none", why: `no number: ${shortened(shown)}` };
}

function numberIn(found: unknown): number | undefined {
  if (typeof found === "number") return found;
  if (typeof found === "boolean") return found ? 1 : 0;
  if (typeof found !== "string") return undefined;
  const text = found.trim();
  return decimal.test(text) ? Number(text) : switches.get(text.toLowerCase());
}

function shortened(text: string): string {
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
}
