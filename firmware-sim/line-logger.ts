// A logger for people who read a failure: one line an event. What is only for debugging is left out.

import type { Logger } from "../src/base/ports/logger.ts";

export function lineLogger(write: (level: "info" | "warn" | "error", event: string, fields: object) => void): Logger {
  const at = (level: "info" | "warn" | "error") => (fields: object, event: string) => write(level, event, fields);
  const logger: Logger = {
    debug: () => undefined,
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => logger,
  };
  return logger;
}
