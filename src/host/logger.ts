// Log lines as JSON on one stream, for journald or a pipe.
//
// Written synchronously: transports and asynchronous destinations lose the last lines at SIGTERM and SIGKILL, the very ones
// that say why (pino 10, seen 0 of 50 against 50 of 50), and cost memory.

import { destination, type Level, pino } from "pino";
import type { Logger } from "../base/ports/logger.ts";

export interface LoggerOptions {
  readonly level: Extract<Level, "debug" | "info" | "warn" | "error"> | "silent";
  /** 1: standard output, 2: standard error. */
  readonly descriptor: 1 | 2;
}

export function createLogger({ level, descriptor }: LoggerOptions): Logger {
  // A time that people can read; no process id and host name, which journald adds itself.
  const options = { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` };
  return pino(options, destination({ fd: descriptor, sync: true }));
}
