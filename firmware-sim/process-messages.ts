// What the simulated site and the process of one of its devices say to each other.

import type { Duration } from "../src/base/units.ts";
import type { SimulatedAgent } from "./agent-door.ts";

/** The only argument of the program, as JSON. */
export interface ProcessSettings {
  readonly agent: SimulatedAgent;
  readonly dataPath: string;
  readonly ledgerPath: string;
  readonly seed: number;
  readonly day: Duration;
  /** Sampling instant 0, in ms since 1970: two processes share no monotonic clock. */
  readonly originWall: number;
  readonly isSilent: boolean;
}

export type ToDevice =
  | { readonly kind: "silent"; readonly isSilent: boolean }
  | { readonly kind: "ask"; readonly request: number; readonly what: "status" | "stored" };

export type FromDevice =
  | { readonly kind: "up" }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "answer"; readonly request: number; readonly value: unknown };
