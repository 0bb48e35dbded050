// Losses that found no room in the outbox, summed by device until there is room again.
//
// Problem: events of lost readings come into a full outbox too, or nobody would ever know; but a device whose card is empty at each
// start, while the uplink is away for weeks, would fill the memory of all (P8). Idea: beyond a small room of their own they are
// counted instead, and said as one event a device once items get through.

import { decode, encode } from "../base/cbor.ts";
import { type DeviceId, isDeviceId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import type { CellSource } from "./cells.ts";
import type { LossKind, UnsaidLosses } from "./loss-event.ts";
import type { Cell } from "./types.ts";

const kinds: readonly LossKind[] = ["readings-lost", "readings-found"];

export class UnsaidLossTable implements CellSource {
  readonly prefix = "unsaid/";
  readonly #touch: (key: string) => void;
  /** By key; at most two for each of `limits.members` devices, and two for all others. */
  readonly #sums = new Map<string, UnsaidLosses>();

  constructor(touch: (key: string) => void) {
    this.#touch = touch;
  }

  add(kind: LossKind, of: DeviceId, readings: number): void {
    const isKept = this.#sums.has(this.#keyOf(kind, of)) || this.#sums.size < kinds.length * limits.members;
    const device = isKept ? of : undefined;
    const key = this.#keyOf(kind, device);
    const before = this.#sums.get(key) ?? { losses: 0, readings: 0 };
    this.#sums.set(key, { kind, device, losses: before.losses + 1, readings: before.readings + readings });
    this.#touch(key);
  }

  /** The first by name leaves; undefined: there is none. The same on every replica, whatever came first. */
  take(): UnsaidLosses | undefined {
    let first: string | undefined;
    for (const key of this.#sums.keys()) if (first === undefined || key < first) first = key;
    if (first === undefined) return undefined;
    const sum = this.#sums.get(first);
    this.#sums.delete(first);
    this.#touch(first);
    return sum;
  }

  read(key: string): Uint8Array | undefined {
    const sum = this.#sums.get(key);
    return sum === undefined ? undefined : encode([sum.losses, sum.readings]);
  }

  load({ key, value }: Cell): boolean {
    const [, name = "", text = ""] = key.split("/");
    const kind = kinds.find((each) => each === name);
    const device = isDeviceId(text) ? text : undefined;
    const fields = new Fields(decode(value), 2);
    const sums = fields.finish({ losses: fields.count(), readings: fields.count() });
    if (sums === undefined || kind === undefined || this.#keyOf(kind, device) !== key) return false;
    this.#sums.set(key, { kind, device, ...sums });
    return true;
  }

  #keyOf(kind: LossKind, device: DeviceId | undefined): string {
    return `${this.prefix}${kind}/${device ?? ""}`;
  }
}
