// What a run is asked to do: the options of `skein sim`, checked.

import type { SiteId } from "../src/base/ids.ts";
import { type Duration, minutes, seconds } from "../src/base/units.ts";
import type { Delivery } from "../src/cli/dashboard/tap.ts";
import type { Fault } from "./faults.ts";
import type { SiteTimes } from "./site-plan.ts";

export interface SimOptions {
  readonly site: SiteId;
  readonly devices: number;
  /** Undefined: until somebody ends it, at most a day. */
  readonly duration: Duration | undefined;
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly restartAfter: Duration;
  /** A broker from outside; undefined: one of our own. */
  readonly brokerUrl: string | undefined;
  readonly host: string;
  /** Undefined: the usual one, or any free one. */
  readonly port: number | undefined;
  readonly pagePort: number | undefined;
  readonly reportFile: string | undefined;
  readonly isProcessEach: boolean;
  readonly times: SiteTimes;
  /** Length of a simulated day. */
  readonly day: Duration;
  /** Where the data directories are made; undefined: a temporary one, removed at the end. */
  readonly dataPath: string | undefined;
  /** How long the drain may take. */
  readonly drainLimit: Duration;
  /** For tests of the judge: what reaches it instead of a delivery. */
  readonly tamper: (delivery: Delivery) => readonly Delivery[];
}

export const usualPorts = { broker: 18_830, page: 18_880 } as const;

export const defaultTimes: { readonly restartAfter: Duration; readonly drainLimit: Duration; readonly day: Duration } =
  {
    restartAfter: seconds(3),
    drainLimit: seconds(120),
    day: minutes(10),
  };
