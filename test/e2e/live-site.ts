// Runs of the live site for tests: small, with short windows, on free ports, without a terminal.

import type { LiveState } from "../../firmware-sim/live-state.ts";
import { realHost } from "../../firmware-sim/real-host.ts";
import { runSim } from "../../firmware-sim/run-sim.ts";
import type { SimOptions } from "../../firmware-sim/sim-options.ts";
import { siteId } from "../../src/base/ids.ts";
import { milliseconds, minutes, seconds } from "../../src/base/units.ts";

export const quickRun: SimOptions = {
  site: siteId("quick"),
  devices: 3,
  duration: seconds(6),
  seed: 1,
  faults: [],
  restartAfter: seconds(1),
  brokerUrl: undefined,
  host: "127.0.0.1",
  port: 0,
  pagePort: 0,
  reportFile: undefined,
  isProcessEach: false,
  times: { window: seconds(2), editionInterval: seconds(1), flushInterval: milliseconds(500) },
  day: minutes(10),
  dataPath: undefined,
  drainLimit: seconds(30),
  tamper: (delivery) => [delivery],
};

export interface Played {
  readonly exitCode: number;
  readonly lines: readonly string[];
  readonly phases: ReadonlySet<LiveState["phase"]>;
}

export async function play(change: Partial<SimOptions>): Promise<Played> {
  const lines: string[] = [];
  const phases = new Set<LiveState["phase"]>();
  const exitCode = await runSim({ ...quickRun, ...change }, realHost(), {
    print: (line) => lines.push(line),
    show: (state) => phases.add(state.phase),
    curtain: () => undefined,
    abort: new AbortController().signal,
    onKey: () => undefined,
  });
  return { exitCode, lines, phases };
}
