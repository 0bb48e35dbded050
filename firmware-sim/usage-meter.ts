// What the run costs: memory and processor of its processes, and rates out of counters that begin again at zero whenever what
// they belong to is started again.

import { readFileSync } from "node:fs";

/** The sum over all lives of a counter that restarts at zero. */
export class LivesCounter {
  #before = 0;
  #last = 0;

  read(value: number): void {
    if (value < this.#last) this.#before += this.#last;
    this.#last = value;
  }

  get total(): number {
    return this.#before + this.#last;
  }
}

/** Per second, between two readings. */
export class Rate {
  #value = 0;
  #at: number | undefined;
  #perSecond = 0;

  read(value: number, nowMs: number): number {
    if (this.#at !== undefined && nowMs > this.#at)
      this.#perSecond = ((value - this.#value) * 1000) / (nowMs - this.#at);
    this.#value = value;
    this.#at = nowMs;
    return this.#perSecond;
  }
}

export interface ProcessUsage {
  readonly rssBytes: number;
  readonly cpuMs: number;
}

/** This process and, where the system tells (Linux), the others. */
export function measureProcesses(others: readonly number[]): ProcessUsage {
  const { user, system } = process.cpuUsage();
  let rssBytes = process.memoryUsage.rss();
  let cpuMs = (user + system) / 1000;
  for (const pid of others) {
    const usage = procUsage(pid);
    rssBytes += usage?.rssBytes ?? 0;
    cpuMs += usage?.cpuMs ?? 0;
  }
  return { rssBytes, cpuMs };
}

const pageBytes = 4096;
const tickMs = 10; // USER_HZ is 100 on every Linux that Node runs on

/** proc(5): `statm` field 2 in pages; `stat` fields 14 and 15 in ticks, counted after the name in parentheses. */
function procUsage(pid: number): ProcessUsage | undefined {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { rssBytes: pages * pageBytes, cpuMs: (Number(fields[11]) + Number(fields[12])) * tickMs };
  } catch {
    return undefined;
  }
}
