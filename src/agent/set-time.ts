// `time.set`: site time by a person's word, through any member.
//
// Only forward: stamps that were given never get earlier ones after them, so an earlier time cannot be set. What is said is a
// time of day, what is agreed on is a jump: on its way the entry may be late, and a repeat later still.

import { SkeinError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { type Duration, milliseconds, seconds } from "../base/units.ts";
import type { Replica } from "../replica/replica.ts";
import { authorLengthMax } from "../site/configuration-table.ts";
import { isClientSession, isSerial } from "./api-arguments.ts";
import type { TimeReport } from "./time-report.ts";

const changeWithin = seconds(20);

/** `argument`: `{to, author, session, serial}`; `to` in ms since 1970. Answers `{index, jump}`. */
export function setTime(
  parts: { readonly replica: Replica; time(): TimeReport },
  { to, author, session, serial }: Readonly<Record<string, unknown>>,
): Promise<{ readonly index: number; readonly jump: Duration }> {
  const isTime = typeof to === "number" && Number.isFinite(to) && to >= 0 && to <= limits.siteTimeMax;
  if (!isTime || !isClientSession(session) || !isSerial(serial)) {
    throw new SkeinError(
      "invalid-argument",
      "to (ms since 1970, before the year 2200), session (32 hex digits) and serial (1, 2, 3 …) are needed",
    );
  }
  const { replica } = parts;
  const { siteTime } = parts.time();
  if (siteTime === undefined)
    throw new SkeinError("not-found", "This member knows no site time yet: nobody coordinates; ask again");
  const jump = milliseconds(Math.floor(to - siteTime));
  if (jump <= 0)
    throw new SkeinError("refused", `Site time is ${Math.ceil(siteTime - to)} ms ahead of that, and ${whyNotBack}`);
  const name = typeof author === "string" ? author.slice(0, authorLengthMax) : "";
  const change = { kind: "set", jump, author: name } as const;
  const command = { kind: "time", after: replica.state.time.changes, change } as const;
  return new Promise((done, failed) => {
    replica.submit({ session, serial }, command, changeWithin, (result) => {
      if (result.kind === "done") done({ index: result.index, jump });
      else if (result.kind === "refused") failed(new SkeinError("refused", `${result.reason}: ${result.detail}`));
      else {
        const detail = "Nobody said in time whether the time was set. It is unknown: look with skein time";
        failed(new SkeinError("timed-out", detail));
      }
    });
  });
}

const whyNotBack =
  "it never goes back: readings already bear later stamps. Where its sources are behind, it runs slower until they meet";
