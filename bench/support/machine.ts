// How quiet the machine is: figures of a shared one are worth as much as is said about the others on it.

import { cpus, loadavg } from "node:os";

export interface Busyness {
  readonly busy: number;
  readonly all: number;
}

/** Time of all cores, in ms. */
export function cpuTimes(): Busyness {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.irq + times.idle;
    all += sum;
    busy += sum - times.idle;
  }
  return { busy, all };
}

/** Cores that were busy between `before` and now, whoever used them. */
export function coresBusy(before: Busyness): number {
  const after = cpuTimes();
  return ((after.busy - before.busy) / Math.max(1, after.all - before.all)) * cpus().length;
}

export function machineNote(before: Busyness): string {
  const [load = 0] = loadavg();
  const [first] = cpus();
  return `${cpus().length} × ${first?.model.trim() ?? "unknown CPU"}, ${process.version}; ${coresBusy(before).toFixed(1)} cores busy while measuring (the bench included), load average ${load.toFixed(1)}`;
}
