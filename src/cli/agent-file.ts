// The file of one agent (`skein run --config agent.yaml`): only what this machine must know before it has met its site. All else
// is the site's configuration and comes over the log.

import { readFileSync } from "node:fs";
import { isScalar } from "yaml";
import { SkeinError } from "../base/errors.ts";
import { type DeviceId, isDeviceId, isSiteId, type SiteId } from "../base/ids.ts";
import type { BrokerLogin } from "../host/broker-logins.ts";
import { isMqttUrl } from "../host/mqtt-url.ts";
import { formatProblems } from "../site/configuration-file.ts";
import { type Field, YamlReader } from "../site/yaml-reader.ts";

/** As far as the file says it; options of the command line go before. */
export interface AgentFile {
  readonly site: SiteId | undefined;
  readonly device: DeviceId | undefined;
  readonly data: string | undefined;
  /** URLs. */
  readonly brokers: readonly string[];
  readonly found: boolean;
  /** Address of the broker that this agent embeds, `host:port` or a port. */
  readonly embedBroker: string | undefined;
  readonly logLevel: string | undefined;
  /** User and password on brokers that the site's configuration names. */
  readonly logins: readonly (BrokerLogin & { readonly broker: string })[];
  /** Where this machine's thermal zones are; undefined: in `/sys/class/thermal`. */
  readonly thermalRoot: string | undefined;
}

const keys = [
  "site",
  "device",
  "data",
  "brokers",
  "found",
  "embedBroker",
  "logLevel",
  "logins",
  "thermalRoot",
] as const;
const loginKeys = ["broker", "username", "password"] as const;

export const emptyAgentFile: AgentFile = {
  site: undefined,
  device: undefined,
  data: undefined,
  brokers: [],
  found: false,
  embedBroker: undefined,
  logLevel: undefined,
  logins: [],
  thermalRoot: undefined,
};

/** Fails with `not-found`, or with `invalid-configuration`, naming file, line and key of everything that is wrong. */
export function readAgentFile(path: string): AgentFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new SkeinError(
      "not-found",
      `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    );
  }
  return parseAgentFile(text, path);
}

export function parseAgentFile(text: string, path: string): AgentFile {
  const reader = new YamlReader(path, text);
  const fields = reader.map(reader.root, keys);
  const file: AgentFile = {
    site: named(reader, fields.get("site"), isSiteId, "a site's name: 1–32 of a–z 0–9 -"),
    device: named(reader, fields.get("device"), isDeviceId, "a device's name: 1–32 of a–z 0–9 -"),
    data: reader.text(fields.get("data")),
    brokers: (reader.list(fields.get("brokers")) ?? []).flatMap((field) => reader.text(field) ?? []),
    found: truth(reader, fields.get("found")),
    embedBroker: reader.text(fields.get("embedBroker")),
    logLevel: reader.text(fields.get("logLevel")),
    logins: (reader.list(fields.get("logins")) ?? []).flatMap((field) => login(reader, field)),
    thermalRoot: reader.text(fields.get("thermalRoot")),
  };
  if (reader.problems.length === 0) return file;
  throw new SkeinError(
    "invalid-configuration",
    `the agent does not start\n${formatProblems(reader.problems).trimEnd()}`,
  );
}

function named<Name extends string>(
  reader: YamlReader,
  field: Field | undefined,
  isName: (text: unknown) => text is Name,
  expected: string,
): Name | undefined {
  const text = reader.text(field);
  if (text === undefined || isName(text)) return text;
  reader.problem(field?.key ?? "", `expected ${expected}, found ${JSON.stringify(text)}`);
  return undefined;
}

function login(reader: YamlReader, field: Field): AgentFile["logins"] {
  const fields = reader.map(field, loginKeys);
  const [broker, username, password] = loginKeys.map((key) => reader.text(fields.get(key)));
  if (broker === undefined || username === undefined || password === undefined) {
    reader.problem(field.key, "each login has broker, username and password");
    return [];
  }
  if (isMqttUrl(broker)) return [{ broker, username, password }];
  reader.problem(field.key, `${JSON.stringify(broker)} is no broker's URL; write mqtts://host:8883`);
  return [];
}

function truth(reader: YamlReader, field: Field | undefined): boolean {
  if (field === undefined) return false;
  if (isScalar(field.node) && typeof field.node.value === "boolean") return field.node.value;
  reader.problem(field.key, "expected true or false");
  return false;
}
