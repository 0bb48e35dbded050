// What clients of the API did, in few words.

import type { ClientOperation } from "../../../../firmware-sim/world/checker.ts";
import { instant } from "../../../../src/base/units.ts";

/** Without an answer (`returned` undefined) its outcome is unknown. */
export function operation(
  kind: ClientOperation["kind"],
  value: string | undefined,
  called: number,
  returned: number | undefined,
  { outcome, key = "sensor" }: { readonly outcome?: ClientOperation["outcome"]; readonly key?: string } = {},
): ClientOperation {
  return {
    client: "client",
    kind,
    key,
    value,
    called: instant(called),
    returned: returned === undefined ? undefined : instant(returned),
    outcome: outcome ?? (returned === undefined ? "unknown" : "done"),
  };
}
