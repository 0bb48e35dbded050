// `skein health`: is the agent of a data directory alive? For supervisors and containers; the network has no say in it.

import type { CommandModule } from "yargs";
import { askHealth } from "../../host/health-socket.ts";
import { print } from "../connection.ts";

interface HealthArguments {
  readonly data: string;
  readonly within: number;
}

export const healthCommand: CommandModule<object, HealthArguments> = {
  command: "health",
  describe: "Whether the agent of a data directory is alive, for supervisors",
  builder: (yargs) =>
    yargs
      .option("data", { type: "string", demandOption: true, describe: "The agent's data directory" })
      .option("within", { type: "number", default: 3_000, describe: "Milliseconds to wait for its answer" })
      .epilogue(
        "Exit code 0 when it answers, 69 when it does not. A broker that is down is no reason to restart an agent.",
      ),
  handler: async ({ data, within }) => print(await askHealth(data, within)),
};
