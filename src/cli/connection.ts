// The options by which every command that asks a site finds it, and what opens the way.

import type { Argv } from "yargs";
import { SkeinError } from "../base/errors.ts";
import { type SiteId, siteId } from "../base/ids.ts";
import { MqttJsLinks } from "../host/mqtt-link.ts";
import { SystemClock } from "../host/system-clock.ts";
import { systemRandom } from "../host/system-random.ts";
import type { BrokerAddress } from "../mqtt/broker-connection.ts";
import { SiteClient } from "./site-client.ts";

export interface ConnectionArguments {
  readonly site: string | undefined;
  readonly broker: string[];
  readonly json: boolean;
}

const environmentHelp = "Also from the environment: SKEIN_SITE, SKEIN_BROKER (several separated by commas).";

export const withConnection = <Arguments>(yargs: Argv<Arguments>) =>
  yargs
    .option("site", { type: "string", describe: "Name of the site" })
    .option("broker", {
      type: "string",
      array: true,
      nargs: 1,
      default: [] as string[],
      describe: "URL of a broker of the site, repeatable: mqtt://[user:password@]host[:port]",
    })
    .option("json", { type: "boolean", default: false, describe: "For programs: JSON instead of text" })
    .epilogue(environmentHelp);

export function chosenSite({ site }: ConnectionArguments): SiteId {
  const { SKEIN_SITE = "" } = process.env;
  const name = site ?? SKEIN_SITE;
  if (name !== "") return siteId(name);
  throw new SkeinError("invalid-argument", "Which site? Say --site NAME, or set SKEIN_SITE");
}

export function chosenBrokers({ broker }: ConnectionArguments): readonly BrokerAddress[] {
  const { SKEIN_BROKER = "" } = process.env;
  const urls = broker.length > 0 ? broker : SKEIN_BROKER.split(",").filter((url) => url !== "");
  if (urls.length === 0) {
    throw new SkeinError("invalid-argument", "Which broker? Say --broker mqtt://host:port, or set SKEIN_BROKER");
  }
  return urls.map(brokerAddress);
}

/** Splits off what is secret, so that no message shows it. Fails with `invalid-argument`. */
export function brokerAddress(text: string): BrokerAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new SkeinError("invalid-argument", `${JSON.stringify(text)} is no URL of a broker; write mqtt://host:1883`);
  }
  if (!["mqtt:", "mqtts:", "ws:", "wss:"].includes(url.protocol)) {
    throw new SkeinError(
      "invalid-argument",
      `A broker's URL begins with mqtt://, mqtts://, ws:// or wss://, not ${url.protocol}//`,
    );
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  return {
    url: url.href.replace(/\/$/, ""),
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
}

/** Opens the way to the site, hands it to `task`, and closes it, whatever happens. */
export async function withSite<Result>(
  args: ConnectionArguments,
  task: (client: SiteClient) => Promise<Result>,
): Promise<Result> {
  const clock = new SystemClock();
  const ports = { clock, random: systemRandom, links: new MqttJsLinks({ clock, random: systemRandom }) };
  const client = await SiteClient.open({ site: chosenSite(args), brokers: chosenBrokers(args), name: "cli" }, ports);
  try {
    return await task(client);
  } finally {
    await client.close();
  }
}

export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

export const printJson = (value: unknown): void => print(JSON.stringify(value, undefined, 2));
