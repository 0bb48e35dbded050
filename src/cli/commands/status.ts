// `skein status`: who leads and why, and how one device stands.

import type { CommandModule } from "yargs";
import { deviceId } from "../../base/ids.ts";
import { type ConnectionArguments, print, printJson, withConnection, withSite } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import { describeSensors } from "../reports/sensor-report.ts";
import { describeStatus } from "../reports/status-report.ts";
import { askStatus, coordinatorOf } from "../site-status.ts";

interface StatusArguments extends ConnectionArguments {
  readonly device: string | undefined;
}

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
