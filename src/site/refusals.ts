// Refusals are expected outcomes: a reason for programs, a detail for people.

import type { Outcome, RefusalReason } from "./types.ts";

const reasons: Readonly<Record<RefusalReason, true>> = {
  malformed: true,
  "not-founded": true,
  "already-founded": true,
  "stale-revision": true,
  "invalid-configuration": true,
  "unknown-member": true,
  "gone-origin": true,
  "heir-exists": true,
  "stale-session": true,
  "not-at-from": true,
  "site-full": true,
  "windows-full": true,
  "outbox-moved": true,
  "stale-time": true,
  "session-expired": true,
  "serial-out-of-order": true,
};

export type Refusal = Extract<Outcome, { readonly kind: "refused" }>;

export const isRefusalReason = (value: unknown): value is RefusalReason =>
  typeof value === "string" && Object.hasOwn(reasons, value);

/** Details stay short, because they are kept with client sessions. */
export const refused = (reason: RefusalReason, detail: string): Refusal => ({
  kind: "refused",
  reason,
  detail: detail.length > 500 ? `${detail.slice(0, 499)}…` : detail,
});
