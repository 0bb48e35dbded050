export interface ProcessUsage {
  readonly rssMB: number;
  readonly cpuMs: number;
}

/** Of the process that calls. */
export function processUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return { rssMB: process.memoryUsage.rss() / 2 ** 20, cpuMs: (user + system) / 1_000 };
}
