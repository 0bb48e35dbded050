// The live site where there is no terminal: one line for each event, and one about everything every ten seconds.

import type { LiveState } from "./live-state.ts";
import { clockOf, formatBytes, grouped } from "./live-view.ts";

const summaryIntervalMs = 10_000;
const drainIntervalMs = 3_000;

export class PlainView {
  readonly #write: (line: string) => void;
  #eventsShown = 0;
  #lastSummary = 0;
  #doing = "";
  #lastProgress = Number.NEGATIVE_INFINITY;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** `eventsInAll` counts those that the state no longer carries, too. */
  show(state: LiveState, eventsInAll: number): void {
    const isNew = Math.min(eventsInAll - this.#eventsShown, state.events.length);
    this.#eventsShown = eventsInAll;
    for (const event of isNew > 0 ? state.events.slice(-isNew) : []) this.#write(`${clockOf(event.at)} ${event.text}`);
    if (state.phase !== "running") {
      this.#progress(state);
      return;
    }
    if (state.elapsed - this.#lastSummary < summaryIntervalMs) return;
    this.#lastSummary = state.elapsed;
    this.#write(summary(state));
  }

  /** Every change while starting; while draining, where counts change all the time, one line in a while. */
  #progress({ phase, doing, elapsed }: LiveState): void {
    if (doing === this.#doing || doing === "") return;
    if (phase === "draining" && elapsed - this.#lastProgress < drainIntervalMs) return;
    this.#doing = doing;
    this.#lastProgress = elapsed;
    this.#write(`${phase}: ${doing}`);
  }
}

function summary(state: LiveState): string {
  const up = state.devices.filter((device) => device.state === "up").length;
  const { sensed, stored, counted } = state.readings;
  return (
    `${clockOf(state.elapsed)} ${up}/${state.devices.length} up, coordinator ${state.coordinator ?? "none"} in term ${state.term}, ` +
    `commit ${grouped(state.commit)}, sensed ${grouped(sensed)}, stored ${grouped(stored)}, counted ${grouped(counted)}, ` +
    `${state.windows.published} windows, ${grouped(state.usage.messagesPerSecond)} messages/s, ` +
    `RSS ${formatBytes(state.usage.rssBytes)}, CPU ${(100 * state.usage.cpuShare).toFixed(0)} %`
  );
}
