/** Logs are events with fields; the wording of an event stands in one place. */
export interface Logger {
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
  /** A logger that adds `fields` to each event. */
  child(fields: object): Logger;
}
