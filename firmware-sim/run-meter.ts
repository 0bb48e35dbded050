// What a run cost, from the complete site to the silence of the sensors.

import type { LiveSite } from "./live-site.ts";

export class RunMeter {
  readonly #live: LiveSite;
  readonly #began = performance.now();
  readonly #first: { commit: number; messages: number; bytes: number; deliveries: number };
  readonly #rss: number[] = [];
  readonly #cpu: number[] = [];

  constructor(live: LiveSite) {
    this.#live = live;
    this.#first = { ...live.traffic(), commit: live.state().commit };
  }

  sample(): void {
    const { rssBytes, cpuShare } = this.#live.state().usage;
    this.#rss.push(rssBytes);
    this.#cpu.push(cpuShare);
  }

  end() {
    const runMs = performance.now() - this.#began;
    const { messages, bytes, deliveries } = this.#live.traffic();
    const perSecond = (now: number, before: number): number => Math.round(((now - before) * 1000) / runMs);
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
    return {
      runMs: Math.round(runMs),
      commits: this.#live.state().commit - this.#first.commit,
      messagesPerSecond: perSecond(messages, this.#first.messages),
      deliveriesPerSecond: perSecond(deliveries, this.#first.deliveries),
      bytesPerSecond: perSecond(bytes, this.#first.bytes),
      rssBytes: { mean: Math.round(mean(this.#rss)), max: Math.max(0, ...this.#rss) },
      cpuShare: Math.round(1000 * mean(this.#cpu)) / 1000,
    };
  }
}
