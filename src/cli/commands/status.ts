// `skein status`: who leads and why, and how one device stands.

import type { CommandModule } from "yargs";
import type { AgentStatus } from "../../agent/status.ts";
import { type DeviceId, deviceId } from "../../base/ids.ts";
import { seconds } from "../../base/units.ts";
import { type ConnectionArguments, print, printJson, withConnection, withSite } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import { describeStatus } from "../reports/status-report.ts";
import type { SiteClient } from "../site-client.ts";

interface StatusArguments extends ConnectionArguments {
  readonly device: string | undefined;
}

const askWithin = seconds(5);

export const statusCommand: CommandModule<object, StatusArguments> = {
  command: "status [device]",
  describe: "Who leads and why, how far everything is, and how long the site may be offline",
  builder: (yargs) =>
    withConnection(yargs)
      .positional("device", { type: "string", describe: "The device to ask; without it any, and the coordinator" })
      .example("$0 status --site farm --broker mqtt://10.0.0.5", "Ask whoever is there")
      .example("$0 status pi-07 --json", "One device, for a program")
      .epilogue("Exit code 1 when there is no coordinator, so that a script can wait for one."),
  handler: (args) =>
    withSite(args, async (client) => {
      const asked = await askStatus(client, args.device === undefined ? "any" : deviceId(args.device));
      const coordinator = await coordinatorOf(client, asked);
      if (args.json) printJson(args.device === undefined ? (coordinator ?? asked) : asked);
      else print(describeStatus(asked, coordinator));
      if (asked.leader === undefined) process.exitCode = exitCodes.found;
    }),
};

async function askStatus(client: SiteClient, device: DeviceId | "any"): Promise<AgentStatus> {
  const [status] = await client.ask(device, "status", {}, askWithin);
  return status as AgentStatus;
}

/** Only the coordinator knows the uplink and how far the others are. Undefined when it does not answer. */
async function coordinatorOf(client: SiteClient, asked: AgentStatus): Promise<AgentStatus | undefined> {
  if (asked.role === "leader") return asked;
  if (asked.leader === undefined) return undefined;
  return askStatus(client, asked.leader).catch(() => undefined);
}
