#!/usr/bin/env node
// `skein`: one file per command. What goes wrong in the world is one line that says what to do; only a broken invariant of our
// own shows a stack.

import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { isSkeinError } from "../base/errors.ts";
import { configCommand } from "./commands/config.ts";
import { coordinatorCommand } from "./commands/coordinator.ts";
import { healthCommand } from "./commands/health.ts";
import { membersCommand } from "./commands/members.ts";
import { recoverCommand } from "./commands/recover.ts";
import { runCommand } from "./commands/run.ts";
import { simCommand } from "./commands/sim.ts";
import { statusCommand } from "./commands/status.ts";
import { timeCommand } from "./commands/time.ts";
import { watchCommand } from "./commands/watch.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { lastWins } from "./last-wins.ts";
import { version } from "./version.ts";

/** Options that may be given several times, all of which count. */
const repeatable: ReadonlySet<string> = new Set(["fault", "broker"]);

/** `skein watch | head`, or a terminal that was closed: nobody reads any more. A command that must clean up does, as at SIGTERM. */
process.stdout.once("error", () => {
  process.stdout.on("error", () => undefined);
  if (!process.emit("SIGTERM", "SIGTERM")) process.exit(exitCodes.unread);
});

async function main(): Promise<void> {
  await yargs(hideBin(process.argv))
    .scriptName("skein")
    .usage("$0 <command>\n\nRaspberry-Pi-class devices that coordinate themselves over MQTT.")
    .parserConfiguration({ "greedy-arrays": false })
    .middleware((args) => lastWins(args, repeatable), true)
    .command(simCommand)
    .command(watchCommand)
    .command(statusCommand)
    .command(membersCommand)
    .command(configCommand)
    .command(coordinatorCommand)
    .command(timeCommand)
    .command(runCommand)
    .command(healthCommand)
    .command(recoverCommand)
    .demandCommand(1, "Which command? See the list above; `skein <command> --help` explains one.")
    .strict()
    .recommendCommands()
    .version(version)
    .help()
    .alias("help", "h")
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .epilogue(
      "Exit codes: 0 done, 1 see the command, 64 wrong options, 65 wrong configuration, 69 no broker or no answer, " +
        "70 a bug of ours, 73 cannot write, 75 refused, 130 interrupted, 143 terminated.",
    )
    .fail(explain)
    .parseAsync();
}

function explain(message: string | null, failure: unknown, parser: { showHelp(level: "error"): unknown }): void {
  if (failure instanceof Error) throw failure;
  parser.showHelp("error");
  process.stderr.write(`\nskein: ${message ?? ""}\n`);
  process.exit(exitCodes.usage);
}

function failed(failure: unknown): void {
  if (isSkeinError(failure)) {
    process.stderr.write(`skein: ${failure.message}\n`);
    process.exit(exitCodeOf(failure.code));
  }
  process.stderr.write(`${failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)}\n`);
  process.exit(exitCodes.internal);
}

main().catch(failed);
