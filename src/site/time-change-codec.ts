// What a `time` entry says, as CBOR: `[kind, ...fields]`.

import { isDeviceId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { milliseconds } from "../base/units.ts";
import { authorLengthMax } from "./configuration-table.ts";
import type { TimeChange } from "./types.ts";

/** Numbers are for ever. */
const kinds = ["adopt", "lost", "set"] as const;

export function packTimeChange(change: TimeChange): readonly unknown[] {
  const kind = kinds.indexOf(change.kind);
  switch (change.kind) {
    case "adopt":
      return [kind, change.sources, change.jump, change.ahead];
    case "lost":
      return [kind];
    case "set":
      return [kind, change.jump, change.author];
  }
}

export function unpackTimeChange(value: unknown): TimeChange | undefined {
  const fields = new Fields(value);
  const kind = kinds[fields.count(kinds.length - 1)];
  if (kind === undefined) return undefined;
  const span = () => milliseconds(fields.count(limits.siteTimeMax));
  switch (kind) {
    case "adopt": {
      const sources = fields.list(limits.timeSources, (item) => (isDeviceId(item) ? item : undefined));
      fields.require(sources.length > 0 && new Set(sources).size === sources.length);
      const jump = span();
      const ahead = milliseconds(fields.integer());
      fields.require(Math.abs(ahead) <= limits.siteTimeMax);
      return fields.finish({ kind, sources, jump, ahead });
    }
    case "lost":
      return fields.finish({ kind });
    case "set":
      return fields.finish({ kind, jump: span(), author: fields.text(authorLengthMax) });
  }
}
