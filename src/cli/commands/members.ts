// `skein members`: who belongs to the site, and who no longer shall.

import type { CommandModule } from "yargs";
import type { AgentStatus } from "../../agent/status.ts";
import { type ConnectionArguments, print, printJson, withConnection, withSite } from "../connection.ts";
import { textTable } from "../reports/text-table.ts";
import { askStatus, coordinatorOf } from "../site-status.ts";
import { membersRemoveCommand } from "./members-remove.ts";

type MembersAnswer = Pick<AgentStatus, "members" | "voters">;

export const membersCommand: CommandModule<object, ConnectionArguments> = {
  command: "members",
  describe: "The devices of the site: voters, who is there, who is behind",
  builder: (yargs) =>
    withConnection(yargs)
      .command(membersRemoveCommand)
      .example("$0 members --site farm --broker mqtt://10.0.0.5", "")
      .example("$0 members remove pi-3", "A device that will not come back"),
  handler: (args) =>
    withSite(args, async (client) => {
      const asked = await askStatus(client, "any");
      const { members, voters } = (await coordinatorOf(client, asked)) ?? asked;
      const answer = { members, voters };
      if (args.json) printJson(answer);
      else print(describeMembers(answer));
    }),
};

export function describeMembers({ members }: MembersAnswer): string {
  const rows = [...members]
    .sort((a, b) => (a.device < b.device ? -1 : 1))
    .map(({ device, zone, power, isVoter, isPresent, lag }) => [
      device,
      zone ?? "–",
      power,
      isVoter ? "voter" : "learner",
      isPresent ? "here" : "away",
      lag === undefined ? "–" : lag,
    ]);
  const here = members.filter(({ isPresent }) => isPresent).length;
  const table = textTable([["DEVICE", "ZONE", "POWER", "ROLE", "PRESENT", "BEHIND"], ...rows]);
  return `${table.join("\n")}\n${here} of ${members.length} devices are here\n`;
}
