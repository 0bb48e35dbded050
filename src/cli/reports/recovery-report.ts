// Who would be left and who is given up, before anything is decided.

import type { Survivor } from "../../agent/recovery.ts";
import { type RecoveryPlan, votersOf } from "../../agent/recovery-objections.ts";
import type { Surroundings } from "../../agent/recovery-watch.ts";
import type { SiteId } from "../../base/ids.ts";
import { textTable } from "./text-table.ts";

export function describeRecovery(
  site: SiteId,
  { device, generation, position, members }: Survivor,
  { lost }: RecoveryPlan,
  { brokers, seen }: Surroundings,
): string {
  const voters = votersOf(position.voters);
  const all = [...new Set([device, ...members, ...voters, ...seen.keys()])].sort();
  const rows = all.map((name) => {
    const own = { ...position.last, siteTime: position.siteTime };
    const report = name === device ? own : seen.get(name)?.report;
    return [
      name,
      voters.includes(name) ? "yes" : "no",
      lost.includes(name) ? "lost" : "left",
      name === device ? "this device" : hearing(seen.get(name)),
      report?.index ?? "–",
      report?.term ?? "–",
      report === undefined || report.siteTime === 0 ? "–" : new Date(report.siteTime).toISOString(),
    ];
  });
  const heading = ["DEVICE", "VOTES", "WOULD BE", "HEARD", "LAST ENTRY", "TERM", "SITE TIME"];
  const up = brokers.map(({ url, isUp, why }) => `  ${url}: ${isUp ? "connected" : (why ?? "no connection")}`);
  return [
    `Site ${site}, generation ${generation.number}; agreed here up to entry ${position.committed}.`,
    ...textTable([heading, ...rows]),
    `Listened on:`,
    ...(up.length === 0 ? ["  no broker"] : up),
  ].join("\n");
}

function hearing(found: ReturnType<Surroundings["seen"]["get"]>): string {
  if (found === undefined) return "silent";
  return found.report === undefined ? "no answer" : "answers";
}
