// `skein config`: what the site agrees on. `apply` shows the difference first; every revision is kept and can be applied again.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Argv, CommandModule } from "yargs";
import { isSkeinError, SkeinError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import { type LogIndex, logIndex } from "../../base/units.ts";
import type { ConfigurationChange, SiteConfiguration } from "../../site/configuration.ts";
import { packChanges } from "../../site/configuration-changes.ts";
import { defaultConfiguration } from "../../site/configuration-defaults.ts";
import { applyChanges, diffConfiguration, formatDiff } from "../../site/configuration-diff.ts";
import { formatProblems, parseConfiguration } from "../../site/configuration-file.ts";
import { formatConfiguration, plainConfiguration } from "../../site/configuration-format.ts";
import { authorName, isConfirmed } from "../asking.ts";
import { type ConnectionArguments, print, printJson, withConnection, withSite } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import { textTable } from "../reports/text-table.ts";
import type { SiteClient } from "../site-client.ts";

interface FileArguments extends ConnectionArguments {
  readonly file: string | undefined;
  readonly revision: number | undefined;
}

interface ApplyArguments extends FileArguments {
  readonly yes: boolean;
  readonly note: string;
}

interface Shown {
  readonly revision: LogIndex;
  readonly author: string;
  readonly note: string;
  readonly siteTime: number;
  readonly configuration: SiteConfiguration;
}

interface HistoryRow {
  readonly revision: number;
  readonly siteTime: number;
  readonly author: string;
  readonly note: string;
  readonly changes: number;
}

const attemptsMax = 5;
/** Packed; the rest of the command is author, note and session. */
const changesBytesMax = limits.commandBytes - 2 * 1024;

export const configCommand: CommandModule = {
  command: "config",
  describe: "Show, compare and change what the site agrees on: sensors, aggregations, devices, settings",
  builder: (yargs) =>
    yargs
      .command(showCommand)
      .command(diffCommand)
      .command(applyCommand)
      .command(historyCommand)
      .demandCommand(1, "Which action? show, diff, apply or history"),
  handler: () => undefined,
};

const showCommand: CommandModule<object, ConnectionArguments & { readonly revision: number | undefined }> = {
  command: "show",
  describe: "The configuration as the YAML file that says it",
  builder: (yargs) =>
    withRevision(withConnection(yargs))
      .example("$0 config show > farm.yaml", "Begin with what is in force, edit, then `config apply farm.yaml`")
      .example("$0 config show --revision 12", "As it was"),
  handler: (args) =>
    withSite(args, async (client) => {
      const { configuration, ...head } = await showConfiguration(client, args.revision);
      if (args.json) printJson({ ...head, configuration: plainConfiguration(configuration) });
      else print(`# ${describeRevision(head)}\n${formatConfiguration(configuration)}`);
    }),
};

const diffCommand: CommandModule<object, FileArguments> = {
  command: "diff [file]",
  describe: "What a file, or an older revision, would change",
  builder: (yargs) =>
    withFile(withConnection(yargs)).epilogue("Exit code 1 when there are differences, 65 when the file is wrong."),
  handler: (args) =>
    withWanted(args, async (client, wanted) => {
      const { changes, base } = await wantedChanges(client, wanted);
      if (args.json) printJson({ base, changes });
      else print(formatDiff(changes));
      if (changes.length > 0) process.exitCode = exitCodes.found;
    }),
};

const applyCommand: CommandModule<object, ApplyArguments> = {
  command: "apply [file]",
  describe: "Show what a file, or an older revision, changes, and make it so on the whole site",
  builder: (yargs) =>
    withFile(withConnection(yargs))
      .option("yes", { alias: "y", type: "boolean", default: false, describe: "Without asking" })
      .option("note", { type: "string", default: "", describe: "Why; kept in the history" })
      .example("$0 config apply farm.yaml", "All of it or nothing; a wrong file names line and key and changes nothing")
      .example("$0 config apply --revision 12 --note 'back to March'", "What was in force then"),
  handler: (args) => withWanted(args, (client, wanted) => apply(client, wanted, args)),
};

const historyCommand: CommandModule<object, ConnectionArguments & { readonly limit: number | undefined }> = {
  command: "history",
  describe: "Every revision: when, by whom, why",
  builder: (yargs) =>
    withConnection(yargs).option("limit", { type: "number", describe: "At most so many, the newest first" }),
  handler: (args) =>
    withSite(args, async (client) => {
      const parts = await client.ask("any", "config.history", args.limit === undefined ? {} : { limit: args.limit });
      const rows = parts.flatMap((part) => (part as { revisions: readonly HistoryRow[] }).revisions);
      if (args.json) printJson({ revisions: rows });
      else print(describeHistory(rows));
    }),
};

const withRevision = <Arguments>(yargs: Argv<Arguments>) =>
  yargs.option("revision", { type: "number", describe: "A revision of `config history`" });

const withFile = <Arguments>(yargs: Argv<Arguments>) =>
  withRevision(yargs).positional("file", { type: "string", describe: "A configuration file; - reads standard input" });

async function apply(client: SiteClient, wanted: Wanted, args: ApplyArguments): Promise<void> {
  const { changes, base } = await wantedChanges(client, wanted);
  if (changes.length === 0) {
    if (args.json) printJson({ revision: base, changes: [] });
    else print(`No changes: revision ${base} says the same.`);
    return;
  }
  const packed = packChanges(changes);
  if (packed.length > changesBytesMax) {
    throw new SkeinError(
      "invalid-argument",
      `These ${changes.length} changes take ${Math.ceil(packed.length / 1024)} KiB packed and one revision holds ${changesBytesMax / 1024}: apply the file in parts, e.g. the devices and half of the sensors first`,
    );
  }
  if (!args.json) print(formatDiff(changes));
  const what = changes.length === 1 ? "this change" : `these ${changes.length} changes`;
  if (!args.yes && !(await isConfirmed(`Apply ${what} to the whole site?`, "--yes to apply these changes"))) {
    print("Nothing was changed.");
    return;
  }
  const revision = await propose(client, { base, changes: packed, author: authorName(), note: args.note });
  if (args.json) printJson({ revision, changes });
  else
    print(
      `Revision ${revision} is in force as soon as each device has applied it; \`skein status DEVICE\` says which one a device has.`,
    );
}

/** A time-out says nothing: the same session and serial is asked again, and applies once. */
async function propose(
  client: SiteClient,
  change: { base: LogIndex; changes: Uint8Array; author: string; note: string },
): Promise<number> {
  const identity = { session: randomBytes(16).toString("hex"), serial: 1 };
  for (let attempt = 1; ; attempt++) {
    try {
      const [answer] = await client.ask("any", "config.apply", { ...change, ...identity });
      return (answer as { revision: number }).revision;
    } catch (failure) {
      if (!isSkeinError(failure, "timed-out")) throw failure;
      if (attempt < attemptsMax) continue;
      throw new SkeinError(
        "timed-out",
        "Nobody answered in time: whether the change was made is unknown. Look with `skein config history` before you repeat it",
        failure,
      );
    }
  }
}

/** What shall be in force: that of a file, or an older revision. */
type Wanted = SiteConfiguration | { readonly revision: number };

/** Reads the file before the site is looked for: what is wrong with it can be said without one. */
async function withWanted(
  args: FileArguments,
  task: (client: SiteClient, wanted: Wanted) => Promise<void>,
): Promise<void> {
  const { file, revision } = args;
  if (file !== undefined && revision === undefined) {
    const configuration = readConfiguration(file);
    return withSite(args, (client) => task(client, configuration));
  }
  if (file === undefined && revision !== undefined) return withSite(args, (client) => task(client, { revision }));
  throw new SkeinError("invalid-argument", "Give either a file or --revision NUMBER");
}

async function wantedChanges(
  client: SiteClient,
  wanted: Wanted,
): Promise<{ base: LogIndex; changes: readonly ConfigurationChange[] }> {
  const now = await showConfiguration(client, undefined);
  const then = "revision" in wanted ? (await showConfiguration(client, wanted.revision)).configuration : wanted;
  return { base: now.revision, changes: diffConfiguration(now.configuration, then) };
}

function readConfiguration(file: string): SiteConfiguration {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (cause) {
    throw new SkeinError(
      "not-found",
      `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    );
  }
  const parsed = parseConfiguration(text, file);
  if (parsed.kind === "ok") return parsed.configuration;
  throw new SkeinError("invalid-configuration", `nothing was changed\n${formatProblems(parsed.problems).trimEnd()}`);
}

async function showConfiguration(client: SiteClient, revision: number | undefined): Promise<Shown> {
  const parts = await client.ask("any", "config.show", revision === undefined ? {} : { revision });
  const [head] = parts as [Omit<Shown, "configuration">];
  const items = parts.flatMap((part) => (part as { items: readonly ConfigurationChange[] }).items);
  const { author, note, siteTime } = head;
  return {
    revision: logIndex(head.revision),
    author,
    note,
    siteTime,
    configuration: applyChanges(defaultConfiguration, items),
  };
}

function describeRevision({ revision, author, note, siteTime }: Omit<Shown, "configuration">): string {
  if (revision === 0) return "the defaults: nothing was configured yet";
  const why = note === "" ? "" : `: ${note}`;
  return `revision ${revision}, ${new Date(siteTime).toISOString()}, by ${author || "unknown"}${why}`;
}

export function describeHistory(rows: readonly HistoryRow[]): string {
  if (rows.length === 0) return "Nothing was configured yet.\n";
  const cells = rows.map(({ revision, siteTime, author, note, changes }) => [
    revision,
    new Date(siteTime).toISOString(),
    author || "–",
    changes,
    note,
  ]);
  return `${textTable([["REVISION", "SITE TIME", "BY", "CHANGES", "NOTE"], ...cells]).join("\n")}\n`;
}
