// `skein coordinator`: who leads, and a hand-over to another voter.

import type { CommandModule } from "yargs";
import type { TransferAnswer } from "../../agent/operator.ts";
import { SkeinError } from "../../base/errors.ts";
import { deviceId } from "../../base/ids.ts";
import { type ConnectionArguments, print, printJson, withConnection, withSite } from "../connection.ts";
import { askStatus } from "../site-status.ts";

export const coordinatorCommand: CommandModule = {
  command: "coordinator",
  describe: "Hand the coordinator's office over to another voter",
  builder: (yargs) => yargs.command(transferCommand).demandCommand(1, "Which action? transfer"),
  handler: () => undefined,
};

const transferCommand: CommandModule<object, ConnectionArguments & { readonly device: string | undefined }> = {
  command: "transfer [device]",
  describe: "Let another voter lead, without the seconds that an election takes",
  builder: (yargs) =>
    withConnection(yargs)
      .positional("device", { type: "string", describe: "Who shall lead; the most up-to-date voter if absent" })
      .example("$0 coordinator transfer pi-3", "Before the present coordinator is taken away")
      .example("$0 coordinator transfer", "To whoever is fit; an agent that is stopped does so by itself"),
  handler: ({ device, ...args }) => {
    const to = device === undefined ? undefined : deviceId(device);
    return withSite(args, async (client) => {
      const { leader, why } = await askStatus(client, "any");
      if (leader === undefined) throw new SkeinError("not-found", `There is no coordinator at the moment: ${why}`);
      if (leader === to) {
        if (args.json) printJson({ from: leader, to: leader });
        else print(`${leader} is the coordinator already.`);
        return;
      }
      const [answer] = await client.ask(leader, "coordinator.transfer", to === undefined ? {} : { to });
      if (args.json) printJson(answer);
      else print(describeTransfer(answer as TransferAnswer));
    });
  },
};

const describeTransfer = ({ from, to }: TransferAnswer): string => `${to} is the coordinator now; ${from} was.`;
