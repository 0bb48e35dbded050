// What one agent is told on its machine: its file, then the options of the command line, which go before.

import { SkeinError } from "../base/errors.ts";
import { type DeviceId, deviceId, type SiteId, siteId } from "../base/ids.ts";
import { type BrokerLogins, brokerKey } from "../host/broker-logins.ts";
import type { BrokerAddress } from "../mqtt/broker-connection.ts";
import { type AgentFile, emptyAgentFile, readAgentFile } from "./agent-file.ts";
import { brokerAddress } from "./connection.ts";

export interface RunArguments {
  readonly config: string | undefined;
  readonly site: string | undefined;
  readonly device: string | undefined;
  readonly data: string | undefined;
  readonly broker: string[];
  readonly found: boolean | undefined;
  readonly "embed-broker": string | undefined;
  readonly "log-level": string | undefined;
}

const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface AgentOptions {
  readonly site: SiteId;
  readonly device: DeviceId;
  readonly dataPath: string;
  readonly brokers: readonly BrokerAddress[];
  readonly found: boolean;
  readonly embedBroker: { readonly host: string; readonly port: number } | undefined;
  readonly logLevel: LogLevel;
  readonly logins: BrokerLogins;
  readonly thermalRoot: string | undefined;
}

const usualMqttPort = 1883;

/** Fails with `invalid-argument` or `invalid-configuration`, saying what is missing and where to say it. */
export function agentOptions(args: RunArguments): AgentOptions {
  const file = args.config === undefined ? emptyAgentFile : readAgentFile(args.config);
  const embed = args["embed-broker"] ?? file.embedBroker;
  const urls = args.broker.length > 0 ? args.broker : file.brokers;
  const embedBroker = embed === undefined ? undefined : listenAddress(embed);
  if (urls.length === 0 && embedBroker === undefined) {
    throw new SkeinError(
      "invalid-argument",
      "Which broker? Say --broker mqtt://host:1883 (repeatable), or --embed-broker to be one",
    );
  }
  return {
    site: siteId(needed(args.site ?? file.site, "site", args.config)),
    device: deviceId(needed(args.device ?? file.device, "device", args.config)),
    dataPath: needed(args.data ?? file.data, "data", args.config),
    brokers: urls.map(brokerAddress),
    found: args.found ?? file.found,
    embedBroker,
    logLevel: logLevel(args["log-level"] ?? file.logLevel ?? "info"),
    logins: new Map(file.logins.map(({ broker, username, password }) => [brokerKey(broker), { username, password }])),
    thermalRoot: file.thermalRoot,
  };
}

function needed(value: AgentFile["data"], key: "site" | "device" | "data", file: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  const where = file === undefined ? `--${key}` : `--${key}, or "${key}:" in ${file}`;
  throw new SkeinError("invalid-argument", `The agent's ${key} is not known: say ${where}`);
}

function logLevel(text: string): LogLevel {
  const level = logLevels.find((each) => each === text);
  if (level !== undefined) return level;
  throw new SkeinError(
    "invalid-argument",
    `There is no log level ${JSON.stringify(text)}; there are ${logLevels.join(", ")}`,
  );
}

/** `host:port`, a port, or nothing: every address of this machine, the usual port. */
function listenAddress(text: string): { readonly host: string; readonly port: number } {
  const [, host, digits] = /^(?:(.+):)?(\d{1,5})?$/.exec(text) ?? [];
  const port = digits === undefined ? usualMqttPort : Number(digits);
  if (text !== "" && host === undefined && digits === undefined) {
    throw new SkeinError(
      "invalid-argument",
      `${JSON.stringify(text)} is no address to listen on; write a port or host:port`,
    );
  }
  if (port > 65_535) throw new SkeinError("invalid-argument", `${port} is no TCP port`);
  return { host: host ?? "0.0.0.0", port };
}
