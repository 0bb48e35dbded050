import { readFileSync } from "node:fs";
import { afterEach, expect, it, vi } from "vitest";
import { packagePath } from "../../firmware-sim/package-root.ts";
import { type ErrorCode, errorCodes } from "../../src/base/errors.ts";
import { parseAgentFile } from "../../src/cli/agent-file.ts";
import { agentOptions, type RunArguments } from "../../src/cli/agent-options.ts";
import { brokerAddress, chosenBrokers, chosenSite } from "../../src/cli/connection.ts";
import { exitCodeOf } from "../../src/cli/exit-codes.ts";
import { lastWins } from "../../src/cli/last-wins.ts";
import { version } from "../../src/cli/version.ts";

const none: RunArguments = {
  config: undefined,
  site: undefined,
  device: undefined,
  data: undefined,
  broker: [],
  found: undefined,
  "embed-broker": undefined,
  "log-level": undefined,
};

it("takes the last of a repeated option, and every one of those that may be repeated", () => {
  const args = { _: ["sim"], devices: [50, 5], plain: [true, false], fault: ["a", "b"], seed: 1 };
  lastWins(args, new Set(["fault"]));
  expect(args).toEqual({ _: ["sim"], devices: 5, plain: false, fault: ["a", "b"], seed: 1 });
});

it("reads an agent's file", () => {
  const text =
    'site: farm\ndevice: pi-01\ndata: /var/lib/skein\nbrokers: ["mqtt://10.0.0.1", "mqtt://10.0.0.2"]\nfound: true\nembedBroker: 1883\n' +
    "logins:\n  - { broker: mqtts://cloud.example, username: farm, password: s3cret }\nthermalRoot: /tmp/zones\n";
  expect(parseAgentFile(text, "agent.yaml")).toEqual({
    site: "farm",
    device: "pi-01",
    data: "/var/lib/skein",
    brokers: ["mqtt://10.0.0.1", "mqtt://10.0.0.2"],
    found: true,
    embedBroker: "1883",
    logLevel: undefined,
    logins: [{ broker: "mqtts://cloud.example", username: "farm", password: "s3cret" }],
    thermalRoot: "/tmp/zones",
  });
});

it("names file, line and key of everything that is wrong in it", () => {
  const parse = () =>
    parseAgentFile("site: My Farm\ndevice: pi-01\nbroker: mqtt://10.0.0.1\nfound: perhaps\n", "agent.yaml");
  expect(parse).toThrow(/agent\.yaml:1:1: site: expected a site's name: .* found "My Farm"/);
  expect(parse).toThrow(/agent\.yaml:3:1: broker: .*did you mean "brokers"/);
  expect(parse).toThrow(/agent\.yaml:4:1: found: expected true or false/);
  const logins = (text: string) => () => parseAgentFile(`logins:\n  - ${text}\n`, "agent.yaml");
  expect(logins("{ broker: mqtt://a, user: b }")).toThrow(
    /logins\.user: there is no such key; known: broker, username, password/,
  );
  expect(logins("{ broker: mqtt://a, username: b }")).toThrow(/logins: each login has broker, username and password/);
  expect(logins("{ broker: cloud, username: b, password: c }")).toThrow(/logins: "cloud" is no broker's URL/);
});

it.each<[string, Partial<RunArguments>, RegExp]>([
  [
    "no broker",
    { site: "a", device: "b", data: "c" },
    /Which broker\? Say --broker mqtt:\/\/host:1883 \(repeatable\), or --embed-broker/,
  ],
  ["no site", { device: "b", data: "c", broker: ["mqtt://h"] }, /site is not known: say --site/],
  ["no data directory", { site: "a", device: "b", broker: ["mqtt://h"] }, /data is not known: say --data/],
  ["a wrong name", { site: "a", device: "B!", data: "c", broker: ["mqtt://h"] }, /"B!" is not a device name/],
  ["a wrong port", { site: "a", device: "b", data: "c", "embed-broker": "99999" }, /99999 is no TCP port/],
  [
    "a wrong level",
    { site: "a", device: "b", data: "c", "embed-broker": "", "log-level": "loud" },
    /no log level "loud"; there are debug/,
  ],
  ["a missing file", { config: "/nowhere/agent.yaml" }, /\/nowhere\/agent\.yaml cannot be read/],
])("refuses to run with %s and says what to do", (_, given, message) => {
  expect(() => agentOptions({ ...none, ...given })).toThrow(message);
});

it.each([
  ["", { host: "0.0.0.0", port: 1883 }],
  ["2000", { host: "0.0.0.0", port: 2000 }],
  ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
])("embeds a broker at %j", (text, address) => {
  const options = agentOptions({ ...none, site: "a", device: "b", data: "c", "embed-broker": text });
  expect(options).toMatchObject({ embedBroker: address, brokers: [], found: false, logLevel: "info" });
});

it("keeps user and password out of a broker's URL", () => {
  expect(brokerAddress("mqtts://ann:p%40ss@farm.example:8883/")).toEqual({
    url: "mqtts://farm.example:8883",
    username: "ann",
    password: "p@ss",
  });
  expect(() => brokerAddress("http://farm")).toThrow(/begins with mqtt:\/\/, mqtts:\/\/, ws:\/\/ or wss:\/\//);
  expect(() => brokerAddress("farm")).toThrow(/no URL of a broker; write mqtt:\/\/host:1883/);
});

afterEach(() => vi.unstubAllEnvs());

it("takes site and brokers from the options, else from the environment, else says how to give them", () => {
  const args = { site: undefined, broker: [], json: false };
  expect(() => chosenSite(args)).toThrow(/Say --site NAME, or set SKEIN_SITE/);
  expect(() => chosenBrokers(args)).toThrow(/Say --broker mqtt:\/\/host:port, or set SKEIN_BROKER/);
  vi.stubEnv("SKEIN_SITE", "farm");
  vi.stubEnv("SKEIN_BROKER", "mqtt://a,mqtt://b");
  expect(chosenSite(args)).toBe("farm");
  expect(chosenBrokers(args)).toEqual([{ url: "mqtt://a" }, { url: "mqtt://b" }]);
  expect(chosenBrokers({ ...args, broker: ["mqtt://c"] })).toEqual([{ url: "mqtt://c" }]);
});

it("has an exit code for each error, and says the version of the package", () => {
  for (const code of Object.keys(errorCodes) as ErrorCode[]) expect(exitCodeOf(code)).toBeGreaterThanOrEqual(64);
  expect(JSON.parse(readFileSync(packagePath("package.json"), "utf8"))).toMatchObject({ version });
});
