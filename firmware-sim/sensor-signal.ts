// Problem: a simulated sensor must be believable, must give the same values to the same seed, and must go on in the right
// place after its device was down. Idea: the value of sampling instant k is a pure function of (seed, name, profile, k): chance
// comes from hashing k, noise with a memory is a moving average over the last hashes (AR(1), cut where it is below 1 %),
// and each failure lies whole within one slot of time, so that looking at one slot decides.

import type { Duration } from "../src/base/units.ts";
import type { SensorProfile } from "./profiles.ts";

export type Sample = { readonly kind: "value"; readonly value: number } | { readonly kind: "gap" };

export interface SignalOptions {
  readonly seed: number;
  /** The sensor's name: two sensors of one profile differ. */
  readonly name: string;
  /** How long one simulated day takes; short days show their cycle in a short run. */
  readonly day: Duration;
}

const hourMs = 3_600_000;
const dayHours = 24;

export class SensorSignal {
  readonly interval: Duration;
  readonly #profile: SensorProfile;
  readonly #seed: number;
  readonly #day: Duration;
  readonly #mean: number;
  readonly #driftPerMs: number;
  readonly #decimals: number;
  /** Weights of the newest hash first; scaled so that their sum of squares is 1. */
  readonly #noiseWeights: readonly number[];

  constructor(profile: SensorProfile, options: SignalOptions) {
    this.#profile = profile;
    this.interval = profile.interval;
    this.#seed = hashText(options.name, options.seed);
    this.#day = options.day;
    const { signal, resolution } = profile;
    this.#mean = signal.mean + signal.spread * this.#gaussian(0, purpose.mean);
    this.#driftPerMs = (signal.driftPerDay * (2 * this.#fraction(0, purpose.drift) - 1)) / options.day;
    this.#decimals = Math.min(6, (String(resolution).split(".")[1] ?? "").length);
    this.#noiseWeights = movingAverage(signal.noise.memory);
  }

  /** Of sampling instant `k`: 0, 1, 2 … `interval` apart from the site's first moment on. */
  sample(k: number): Sample {
    if (this.isGap(k)) return { kind: "gap" };
    const held = this.#failure(k, purpose.stuck, this.#profile.failures.stuck);
    return { kind: "value", value: this.#rounded(this.#live(held ?? k)) };
  }

  isGap(k: number): boolean {
    return this.#failure(k, purpose.gap, this.#profile.failures.gaps) !== undefined;
  }

  #live(k: number): number {
    const { signal, failures } = this.#profile;
    const time = k * this.interval;
    const turn = (time / this.#day - signal.daily.peakHour / dayHours) * 2 * Math.PI;
    const value = this.#mean + signal.daily.amplitude * Math.cos(turn) + this.#driftPerMs * time + this.#noise(k);
    const isSpike = this.#fraction(k, purpose.spike) < (failures.spikes.perHour * this.interval) / hourMs;
    if (!isSpike) return value;
    return value + (this.#fraction(k, purpose.sign) < 0.5 ? -1 : 1) * failures.spikes.size;
  }

  #noise(k: number): number {
    let sum = 0;
    for (let back = 0; back < this.#noiseWeights.length; back++) {
      sum += (this.#noiseWeights[back] ?? 0) * this.#gaussian(k - back, purpose.noise);
    }
    return sum * this.#profile.signal.noise.deviation;
  }

  /** The instant at which the failure that holds at `k` began; undefined: none. */
  #failure(
    k: number,
    why: number,
    failure: { perHour: number; lasts: { min: Duration; max: Duration } },
  ): number | undefined {
    const slotLength = Math.ceil((2 * failure.lasts.max) / this.interval);
    const slot = Math.floor(k / slotLength);
    if (this.#fraction(slot, why) >= (failure.perHour * slotLength * this.interval) / hourMs) return undefined;
    const spread = failure.lasts.max - failure.lasts.min;
    const length = Math.ceil((failure.lasts.min + spread * this.#fraction(slot, why + 1)) / this.interval);
    const start = slot * slotLength + Math.floor((slotLength - length + 1) * this.#fraction(slot, why + 2));
    return k >= start && k < start + length ? start : undefined;
  }

  #rounded(value: number): number {
    const { physical, resolution } = this.#profile;
    const steps = Math.round(Math.min(physical.max, Math.max(physical.min, value)) / resolution);
    return Number((steps * resolution).toFixed(this.#decimals));
  }

  #fraction(k: number, why: number): number {
    return mix(mix(this.#seed ^ why) ^ k) / 0x1_0000_0000;
  }

  /** Mean 0, deviation 1: the sum of four uniforms is near enough to a bell for a sensor. */
  #gaussian(k: number, why: number): number {
    let sum = -2;
    for (let draw = 0; draw < 4; draw++) sum += this.#fraction(k, why + draw);
    return sum * Math.sqrt(3);
  }
}

/** Each use of chance has numbers of its own, so that no two share a hash. */
const purpose = {
  mean: 0x100,
  drift: 0x200,
  noise: 0x300,
  spike: 0x400,
  sign: 0x500,
  stuck: 0x600,
  gap: 0x700,
} as const;

function movingAverage(memory: number): readonly number[] {
  const weights: number[] = [];
  for (let weight = 1; weight > 0.01 && weights.length < 256; weight *= memory) weights.push(weight);
  const norm = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0));
  return weights.map((weight) => weight / norm);
}

function hashText(text: string, seed: number): number {
  let hash = mix(seed);
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The finalizer of MurmurHash3 (Appleby, public domain), shifted off its fixed point 0. */
function mix(value: number): number {
  let hash = (value + 0x9e3779b9) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
