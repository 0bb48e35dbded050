// `skein members remove DEVICE`: a device that will not come back. What it had not yet had counted is published as missing.

import { randomBytes } from "node:crypto";
import type { CommandModule } from "yargs";
import type { RemoveAnswer } from "../../agent/operator.ts";
import type { AgentStatus } from "../../agent/status.ts";
import { isSkeinError, SkeinError } from "../../base/errors.ts";
import { type DeviceId, deviceId } from "../../base/ids.ts";
import { isConfirmed } from "../asking.ts";
import { type ConnectionArguments, print, printJson, withConnection, withSite } from "../connection.ts";
import type { SiteClient } from "../site-client.ts";
import { askStatus } from "../site-status.ts";

type Arguments = ConnectionArguments & { readonly device: string; readonly yes: boolean };

/** Enough for a coordinator that hands over because it is the one to be removed, and for one that is lost meanwhile. */
const attemptsMax = 4;

export const membersRemoveCommand: CommandModule<object, Arguments> = {
  command: "remove <device>",
  describe: "Take a device out of the site for good; one that votes is replaced first",
  builder: (yargs) =>
    withConnection(yargs)
      .positional("device", { type: "string", demandOption: true, describe: "Its name, as `members` shows it" })
      .option("yes", { alias: "y", type: "boolean", default: false, describe: "Without asking" })
      .example("$0 members remove pi-3", "It is broken, stolen or given away")
      .epilogue("A device that still runs says that it was removed, and joins again only when it is started anew."),
  handler: ({ device, ...args }) => {
    const name = deviceId(device);
    return withSite(args, async (client) => {
      const status = await askStatus(client, "any");
      const member = status.members.find((one) => one.device === name);
      if (member === undefined)
        throw new SkeinError("not-found", `${name} is no member of ${status.site}; \`skein members\` lists them`);
      if (!args.yes && !(await isConfirmed(question(member), "--yes to remove it"))) {
        print("Nothing was changed.");
        return;
      }
      await remove(client, name);
      if (args.json) printJson({ removed: name });
      else print(`${name} is no member any more. Readings that it had not yet had counted are shown as missing.`);
    });
  },
};

function question({ device, isPresent, isVoter }: AgentStatus["members"][number]): string {
  const here = isPresent ? " It is connected now; what it has not yet had counted is lost." : "";
  const votes = isVoter ? " It votes: another takes its place, or fewer vote." : "";
  return `Remove ${device} from the site for good?${here}${votes}`;
}

/** The same session and serial each time: it is removed once, whichever coordinator carries it out. */
async function remove(client: SiteClient, device: DeviceId): Promise<void> {
  const argument = { device, session: randomBytes(16).toString("hex"), serial: 1 };
  let leader: DeviceId | undefined;
  for (let attempt = 1; ; attempt++) {
    leader ??= (await askStatus(client, "any")).leader;
    if (leader === undefined)
      throw new SkeinError("not-found", "There is no coordinator at the moment; `skein status` says why");
    try {
      const [answer] = (await client.ask(leader, "members.remove", argument)) as RemoveAnswer[];
      if (answer?.kind === "removed") return;
      leader = answer?.to;
    } catch (failure) {
      if (!isSkeinError(failure, "timed-out") || attempt >= attemptsMax) throw failure;
      leader = undefined;
    }
    if (attempt >= attemptsMax)
      throw new SkeinError("timed-out", "The coordinator changes all the time; try again in a minute");
  }
}
