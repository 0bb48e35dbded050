// `skein recover`: a majority of the voters is lost for good, and a person says so (docs/recovery.md).

import type { CommandModule } from "yargs";
import { agentOptions } from "../agent-options.ts";
import { listSetAside, type RecoverArguments, recoverSite } from "../recover-site.ts";

export const recoverCommand: CommandModule<object, RecoverArguments> = {
  command: "recover",
  describe: "Go on without a majority that is lost for good (run it on a surviving device, its agent stopped)",
  builder: (yargs) =>
    yargs
      .option("config", { type: "string", describe: "The agent's file, as for run" })
      .option("site", { type: "string", describe: "Name of the site" })
      .option("device", { type: "string", describe: "Name of this device" })
      .option("data", { type: "string", describe: "Its data directory" })
      .option("broker", {
        type: "string",
        array: true,
        nargs: 1,
        default: [] as string[],
        describe: "URL of a broker to listen on, repeatable",
      })
      .option("embed-broker", { type: "string", describe: "As for run: others may only know this device's broker" })
      .option("lost", { type: "string", describe: "Devices that are lost for good, separated by commas" })
      .option("survivors", { type: "string", describe: "Instead: the voters that are left; all others are lost" })
      .option("yes-lost", {
        type: "string",
        describe: "For scripts: the names of the lost again, instead of typing them",
      })
      .option("alone", {
        type: "boolean",
        default: false,
        describe: "No broker and no other device is left to be asked",
      })
      .option("listen", { type: "string", default: "15s", describe: "How long to listen for those declared lost" })
      .option("set-aside", {
        type: "boolean",
        default: false,
        describe: "List the entries of logs that were set aside here",
      })
      .option("from", { type: "number", default: 0, describe: "With --set-aside: from this entry on" })
      .option("json", { type: "boolean", default: false, describe: "With --set-aside: JSON instead of text" })
      .example("$0 recover --config /etc/skein/agent.yaml", "Shows who is there, and changes nothing")
      .example(
        "$0 recover --config /etc/skein/agent.yaml --lost pi-01,pi-02,pi-03",
        "Asks, and begins the next generation",
      )
      .epilogue(
        "Exit code 73: the agent still runs. 75: somebody declared lost is heard, or another device holds more.",
      ),
  handler: (args) => {
    const options = agentOptions({ ...args, found: undefined, "log-level": undefined });
    return args["set-aside"] ? listSetAside(options, args) : recoverSite(options, args);
  },
};
