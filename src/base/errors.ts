// Three kinds of wrong: an expected outcome is a value; the world failing is a SkeinError with a code from this
// table; a broken invariant is an assertion that nobody catches.

/** What each code means to the person who reads it; `docs/errors.md` is checked against this table by a test. */
export const errorCodes = {
  "invalid-name": "A device, site or sensor name has characters or a length that are not allowed.",
  "invalid-configuration":
    "A configuration file or change is wrong; the message says file, line, key and what was expected.",
  "invalid-frame": "Bytes that are no frame of this version; counted and dropped, never fatal.",
  "invalid-argument": "A command line option or a port's argument is out of its range.",
  "broker-unreachable": "An MQTT broker did not accept the connection, or lost it.",
  "broker-refused": "An MQTT broker refused the client, its publish or its subscription.",
  "port-in-use": "A TCP port that the agent should listen on is taken by another program.",
  "data-directory-unusable": "The data directory cannot be created, locked, read or written.",
  "data-directory-locked": "Another agent is using the same data directory.",
  "disk-full": "The file system has no room left.",
  "disk-failed": "A write or a sync failed; what was not acknowledged may be lost, and the agent ends.",
  "log-damaged": "A log file has a damaged batch before its tail; the message says which file and where.",
  "log-full": "A log file has reached its byte bound.",
  "state-damaged": "A checkpoint does not match its digest; it is set aside and fetched anew from the others.",
  "queue-full": "A bounded queue is full and the newest item was refused.",
  "not-connected": "The link to the broker is down; nothing was sent.",
  "timed-out": "No answer came in time. The outcome is unknown, not failed.",
  "not-found": "What was asked for does not exist.",
  refused: "The site refused the request; the message says why.",
  "driver-failed": "A sensor's driver could not read it.",
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** The world failed, in a way that has a name. `cause` is what was caught, if anything. */
export class SkeinError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SkeinError";
    this.code = code;
  }
}

export function isSkeinError(value: unknown, code?: ErrorCode): value is SkeinError {
  return value instanceof SkeinError && (code === undefined || value.code === code);
}

/** Ends the agent: an invariant of the code itself does not hold. Nobody catches this. */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new Error(`Broken invariant: ${invariant}`);
}

/** For the default branch of an exhaustive `switch`. */
export function unreachable(value: never): never {
  throw new Error(`Broken invariant: unexpected ${JSON.stringify(value)}`);
}
