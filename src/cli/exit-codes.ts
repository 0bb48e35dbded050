// What a program's exit code says (documented in `skein --help` and docs/errors.md). Above 64: sysexits.h.

import type { ErrorCode } from "../base/errors.ts";

export const exitCodes = {
  done: 0,
  /** `sim`: the judge found something. `config diff`: there are differences. `status`: there is no coordinator. */
  found: 1,
  usage: 64,
  configuration: 65,
  unavailable: 69,
  internal: 70,
  cannotWrite: 73,
  refused: 75,
  interrupted: 130,
  /** As a shell shows SIGPIPE. */
  unread: 141,
  terminated: 143,
} as const;

const byError: Readonly<Partial<Record<ErrorCode, number>>> = {
  "invalid-argument": exitCodes.usage,
  "invalid-name": exitCodes.usage,
  "invalid-configuration": exitCodes.configuration,
  "broker-unreachable": exitCodes.unavailable,
  "broker-refused": exitCodes.unavailable,
  "not-connected": exitCodes.unavailable,
  "timed-out": exitCodes.unavailable,
  "port-in-use": exitCodes.unavailable,
  "data-directory-unusable": exitCodes.cannotWrite,
  "data-directory-locked": exitCodes.cannotWrite,
  "disk-full": exitCodes.cannotWrite,
  "disk-failed": exitCodes.cannotWrite,
  "not-found": exitCodes.usage,
  refused: exitCodes.refused,
};

export const exitCodeOf = (code: ErrorCode): number => byError[code] ?? exitCodes.internal;
