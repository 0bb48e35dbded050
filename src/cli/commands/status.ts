// `skein status`: who leads and why, and how one device stands.

import type { CommandModule } from "yargs";
import type { AgentStatus } from "../../agent/status.ts";
import { type DeviceId, deviceId } from "../../base/ids.ts";
import { seconds } from "../../base/units.ts";
import { type ConnectionArguments, print, printJson, withConnection, withSite } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import { describeSensors } from "../reports/sensor-report.ts";
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
      .example("$0 status pi-07 --json", "One device and its sensors, for a program")
      .epilogue("Exit code 1 when there is no coordinator, so that a script can wait for one."),
  handler: (args) =>
    withSite(args, async (client) => {
      const asked = await askStatus(client, args.device === undefined ? "any" : deviceId(args.device));
      const coordinator = await coordinatorOf(client, asked);
      if (args.json) printJson(args.device === undefined ? (coordinator ?? asked) : asked);
      else {
        print(describeStatus(asked, coordinator));
        const sensors = args.device === undefined ? [] : describeSensors(asked.readings.latest);
        if (sensors.length > 0) print(`\n${sensors.join("\n")}`);
      }
      if (asked.leader === undefined) process.exitCode = exitCodes.found;
    }),
};

async function askStatus(client: SiteClient, device: DeviceId | "any"): Promise<AgentStatus> {
  const parts = await client.ask(device, "status", {}, askWithin);
  return wholeStatus(parts as [AgentStatus, ...StatusPart[]]);
}

type StatusPart = Partial<Pick<AgentStatus, "members">> & {
  readonly readings?: Pick<AgentStatus["readings"], "latest">;
};

/** A large site's members, and a device's many sensors, come in parts that each fit a frame. */
export function wholeStatus(parts: readonly [AgentStatus, ...StatusPart[]]): AgentStatus {
  const members = parts.flatMap((part) => part.members ?? []);
  const latest = parts.flatMap((part) => part.readings?.latest ?? []);
  return { ...parts[0], members, readings: { ...parts[0].readings, latest } };
}

/** Only the coordinator knows the uplink and how far the others are. Undefined when it does not answer. */
async function coordinatorOf(client: SiteClient, asked: AgentStatus): Promise<AgentStatus | undefined> {
  if (asked.role === "leader") return asked;
  if (asked.leader === undefined) return undefined;
  return askStatus(client, asked.leader).catch(() => undefined);
}
