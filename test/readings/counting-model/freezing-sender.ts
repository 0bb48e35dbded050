// The sender of a device that freezes, as plain as the rules say it: what follows `counted`, frozen partials whole, and nothing
// that the card does not say is sendable.

import type { VirtualClock } from "../../../firmware-sim/virtual-clock.ts";
import { type MemberKey, memberOf } from "../../../src/base/ids.ts";
import { milliseconds, type Term } from "../../../src/base/units.ts";
import { fold } from "../../../src/readings/fold.ts";
import type { Definitions, Partial } from "../../../src/readings/types.ts";
import type { FreezingStore } from "./freezing-store.ts";
import { lead } from "./freezing-store.ts";
import type { FrozenPartial } from "./frozen-partial.ts";

export interface FreezingSenderPorts {
  readonly clock: VirtualClock;
  readonly store: FreezingStore;
  counted(): number | undefined;
  definitions(): Definitions;
  term(): Term;
  hasCoordinator(): boolean;
  send(partial: Partial): boolean;
  sendFrozen(frozen: FrozenPartial): boolean;
}

const partialsMax = 2;
const partialReadings = lead / partialsMax;
const tick = milliseconds(400);
const resendTicks = 8;

export class FreezingSender {
  readonly #ports: FreezingSenderPorts;
  readonly #origin: MemberKey;
  readonly #session: number;
  #sentTo: number[] = [];
  #counted = -1;
  #waited = 0;
  #place: string | undefined;

  constructor(ports: FreezingSenderPorts, options: { readonly origin: MemberKey; readonly session: number }) {
    this.#ports = ports;
    this.#origin = options.origin;
    this.#session = options.session;
  }

  start(): void {
    this.#ports.clock.after(tick, "partial", () => {
      this.#tick();
      this.start();
    });
  }

  moved(): void {
    // Two live copies are not in the model.
  }

  #tick(): void {
    const { store } = this.#ports;
    const counted = this.#ports.counted();
    if (counted === undefined || counted + 1 < store.first) return;
    const place = `${counted} ${this.#ports.term()} ${this.#ports.definitions().revision}`;
    this.#waited += 1;
    if (place !== this.#place || this.#waited > resendTicks) {
      this.#waited = 0;
      this.#sentTo = [];
    }
    this.#place = place;
    store.releaseThrough(counted);
    this.#counted = counted;
    this.#next();
  }

  #next(): void {
    const { store } = this.#ports;
    const from = this.#sentTo.at(-1) ?? this.#counted;
    if (this.#sentTo.length >= partialsMax || from >= store.ready || !this.#ports.hasCoordinator()) return;
    const frozen = store.frozenFrom(from);
    if (frozen?.from === from) {
      if (this.#mayGo(frozen.to) && this.#ports.sendFrozen(frozen)) this.#sent(frozen.to);
      return;
    }
    store.read(from, partialReadings, (_, readings) => {
      const last = readings.at(-1);
      if (last === undefined || from !== (this.#sentTo.at(-1) ?? this.#counted) || !this.#mayGo(last.number)) return;
      const definitions = this.#ports.definitions();
      const folded = fold(readings, definitions, memberOf(this.#origin).device);
      const head = { origin: this.#origin, session: this.#session, from, to: last.number, stored: store.taken };
      if (this.#ports.send({ ...head, ...folded, revision: definitions.revision })) this.#sent(last.number);
    });
  }

  #mayGo(to: number): boolean {
    const { store } = this.#ports;
    if (to <= store.sendable) return true;
    store.permit(to);
    return false;
  }

  #sent(to: number): void {
    this.#sentTo.push(to);
    this.#next();
  }
}
