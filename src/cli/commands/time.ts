// `skein time`: what time it is for the site, who says so, and the operator's way to set it.

import { randomBytes } from "node:crypto";
import type { CommandModule } from "yargs";
import type { TimeReport } from "../../agent/time-report.ts";
import { isSkeinError, SkeinError } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import { authorName, isConfirmed } from "../asking.ts";
import { type ConnectionArguments, print, printJson, withConnection, withSite } from "../connection.ts";
import { describeTimeReport, spanText } from "../reports/time-report.ts";
import type { SiteClient } from "../site-client.ts";
import { askStatus, coordinatorOf } from "../site-status.ts";

interface SetArguments extends ConnectionArguments {
  readonly time: string;
  readonly yes: boolean;
}

const askWithin = seconds(5);
const attemptsMax = 5;
/** With its zone, or it would mean another time on another computer. */
const zoned = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})$/;

export const timeCommand: CommandModule<object, ConnectionArguments> = {
  command: "time",
  describe: "Site time: whether it is synced, by which clocks, and how it was corrected",
  builder: (yargs) =>
    withConnection(yargs)
      .command(setCommand)
      .example("$0 time --site farm --broker mqtt://10.0.0.5", "")
      .epilogue("Exit code 0 also while site time is uncertain; --json says isSynced."),
  handler: (args) =>
    withSite(args, async (client) => {
      const report = await askTime(client);
      if (args.json) printJson(report);
      else print(describeTimeReport(report));
    }),
};

const setCommand: CommandModule<object, SetArguments> = {
  command: "set <time>",
  describe: "Set site time forward by hand, where no clock source can do it",
  builder: (yargs) =>
    withConnection(yargs)
      .positional("time", {
        type: "string",
        demandOption: true,
        describe: "2026-04-01T12:00:00Z, or with an offset like +02:00; `now`: this computer's clock",
      })
      .option("yes", { alias: "y", type: "boolean", default: false, describe: "Without asking" })
      .example("$0 time set now --site farm --broker mqtt://10.0.0.5", "When this computer's clock is right")
      .epilogue("Only forward: readings already bear stamps, and none may get an earlier one after it."),
  handler: (args) => {
    const wanted = wantedTime(args.time);
    return withSite(args, async (client) => {
      const { siteTime } = await askTime(client);
      const by = siteTime === undefined ? "" : ` It jumps by ${spanText(wanted() - siteTime)}, and cannot be set back.`;
      const question = `Set site time to ${new Date(wanted()).toISOString()}?${by}`;
      if (!args.yes && !(await isConfirmed(question, "--yes to set the time"))) return print("Nothing was changed.");
      const { index, jump } = await set(client, wanted);
      if (args.json) printJson({ index, jump });
      else print(`Site time jumped by ${spanText(jump)}. It is uncertain until clock sources agree with it.`);
    });
  },
};

/** Fails with `invalid-argument`. A clock is read as late as possible: people think before they say yes. */
export function wantedTime(text: string): () => number {
  if (text === "now") return () => Date.now();
  const time = Date.parse(text);
  if (!zoned.test(text) || Number.isNaN(time)) {
    throw new SkeinError(
      "invalid-argument",
      `${JSON.stringify(text)} is no time with a zone; write 2026-04-01T12:00:00Z, 2026-04-01T14:00+02:00 or now`,
    );
  }
  return () => time;
}

/** The coordinator knows its sources' offsets; any other only what the log says. */
async function askTime(client: SiteClient): Promise<TimeReport> {
  const asked = await askStatus(client, "any");
  const coordinator = await coordinatorOf(client, asked);
  const [report] = await client.ask((coordinator ?? asked).device, "time", {}, askWithin);
  return report as TimeReport;
}

/** A time-out says nothing: the same session and serial is asked again, and applies once. */
async function set(client: SiteClient, wanted: () => number): Promise<{ index: number; jump: number }> {
  const identity = { session: randomBytes(16).toString("hex"), serial: 1, author: authorName() };
  for (let attempt = 1; ; attempt++) {
    try {
      const [answer] = await client.ask("any", "time.set", { to: wanted(), ...identity });
      return answer as { index: number; jump: number };
    } catch (failure) {
      if (!isSkeinError(failure, "timed-out") || attempt >= attemptsMax) throw failure;
    }
  }
}
