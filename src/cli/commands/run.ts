// `skein run`: an agent on this machine.

import type { CommandModule } from "yargs";
import { agentOptions, type RunArguments } from "../agent-options.ts";
import { runAgent } from "../run-agent.ts";

export const runCommand: CommandModule<object, RunArguments> = {
  command: "run",
  describe: "Run an agent on this machine",
  builder: (yargs) =>
    yargs
      .option("config", { type: "string", describe: "File that says the same as these options (YAML)" })
      .option("site", { type: "string", describe: "Name of the site" })
      .option("device", { type: "string", describe: "Name of this device on the site, for ever" })
      .option("data", { type: "string", describe: "Directory that keeps everything of this device" })
      .option("broker", {
        type: "string",
        array: true,
        nargs: 1,
        default: [] as string[],
        describe: "URL of a broker, repeatable",
      })
      .option("found", { type: "boolean", describe: "Found the site: exactly one device, its first time" })
      .option("embed-broker", { type: "string", describe: "Be a broker too: [host:]port (0.0.0.0:1883)" })
      .option("log-level", { type: "string", describe: "debug, info, warn, error or silent (info)" })
      .example(
        "$0 run --site farm --device pi-01 --data /var/lib/skein --embed-broker --found",
        "The first device of a new site",
      )
      .example(
        "$0 run --site farm --device pi-02 --data /var/lib/skein --broker mqtt://10.0.0.1",
        "Each further one joins by itself",
      )
      .example("$0 run --config /etc/skein/agent.yaml", "All of it from a file; options go before the file")
      .epilogue(
        'The file also has logins of other brokers and more: docs/configuration.md, "The file of one agent".\n' +
          "SIGTERM stops the agent; the device stays a member and goes on where it was.\n" +
          "Exit code 69: a port is in use. 73: the data directory cannot be used, or its disk failed.",
      ),
  handler: (args) => runAgent(agentOptions(args)),
};
