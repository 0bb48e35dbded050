// A site on this machine as people have it: a broker that is Debian's Mosquitto, and `skein run` once for each device, each with
// its own data directory. It is looked at from outside: over the API, in what the agents log, and on their cards.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentStatus } from "../../src/agent/status.ts";
import { deviceId, siteId } from "../../src/base/ids.ts";
import { type Duration, seconds } from "../../src/base/units.ts";
import { SiteClient } from "../../src/cli/site-client.ts";
import { MqttJsLinks } from "../../src/host/mqtt-link.ts";
import { SystemClock } from "../../src/host/system-clock.ts";
import { systemRandom } from "../../src/host/system-random.ts";
import { freePort, Mosquitto } from "../host/real-world.ts";
import { temporaryDirectory } from "../host/temporary-directory.ts";
import { eventually, type Finished, Program, runSkein } from "./program.ts";

export const siteName = "e2e";

/** One line that an agent logged. */
export interface LogLine {
  readonly msg: string;
  /** Of the machine's clock. */
  readonly time: string;
  /** Of `role` lines. */
  readonly role?: string;
  readonly term?: number;
}

export class TestDevice {
  readonly name: string;
  readonly data: string;
  readonly #log: string;
  readonly #args: readonly string[];
  #program: Program | undefined;

  constructor(name: string, directory: string, options: { args: readonly string[]; data?: string }) {
    this.name = name;
    this.data = options.data ?? join(directory, name);
    this.#log = join(directory, `${name}.log`);
    this.#args = options.args;
    writeFileSync(this.#log, "");
  }

  get isRunning(): boolean {
    return this.#program?.isRunning === true;
  }

  start(): void {
    if (this.isRunning) throw new Error(`${this.name} is running`);
    const args = ["run", "--site", siteName, "--device", this.name, "--data", this.data, ...this.#args];
    this.#program = Program.skein(args, { stdout: this.#log, stderr: this.#log });
  }

  /** A power cut, as far as a process can have one. */
  async kill(): Promise<void> {
    await this.#program?.end("SIGKILL");
  }

  /** As `systemctl stop`. Answers the exit code. */
  async stop(): Promise<number | null> {
    return (await this.#program?.end("SIGTERM"))?.code ?? null;
  }

  /** As a machine that hangs: everything stands still, and its connections stay open. */
  pause(): void {
    this.#program?.signal("SIGSTOP");
  }

  resume(): void {
    this.#program?.signal("SIGCONT");
  }

  /** All that its agents have logged, over all starts. */
  log(): LogLine[] {
    const lines = readFileSync(this.#log, "utf8").split("\n");
    return lines.flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as LogLine] : []));
  }

  /** For the message of a test that fails. */
  lastWords(lines = 12): string {
    return readFileSync(this.#log, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  }
}

export class TestSite {
  readonly directory: string;
  readonly broker: Mosquitto;
  readonly devices: readonly TestDevice[];
  readonly #temporary: ReturnType<typeof temporaryDirectory>;
  #client: SiteClient | undefined;

  private constructor(broker: Mosquitto, names: readonly string[], dataOf: (name: string) => string | undefined) {
    const temporary = temporaryDirectory();
    this.directory = temporary.path;
    this.#temporary = temporary;
    this.broker = broker;
    this.devices = names.map((name, place) => {
      const data = dataOf(name);
      const args = ["--broker", broker.url, ...(place === 0 ? ["--found"] : [])];
      return new TestDevice(name, temporary.path, { args, ...(data === undefined ? {} : { data }) });
    });
  }

  /** The broker runs; no agent does. `dataOf`: data directories elsewhere. */
  static async prepare(
    count: number,
    dataOf: (name: string) => string | undefined = () => undefined,
  ): Promise<TestSite> {
    const broker = new Mosquitto(await freePort());
    await broker.start();
    return new TestSite(
      broker,
      Array.from({ length: count }, (_, i) => `pi-${i + 1}`),
      dataOf,
    );
  }

  /** Starts all devices and waits until all are members, and as many as may are voters. */
  async start(): Promise<void> {
    for (const device of this.devices) device.start();
    await this.becomesWhole();
  }

  /** One coordinator, whom all hear, and the full number of voters. */
  async becomesWhole(withinMs = 60_000): Promise<readonly AgentStatus[]> {
    const voters = this.devices.length <= 2 ? 1 : this.devices.length <= 4 ? 3 : 5;
    return eventually(
      "all devices are members, and hear one coordinator",
      async () => {
        const all = await Promise.all(this.devices.map(({ name }) => this.statusOf(name)));
        const known = all.filter((status) => status !== undefined);
        const leaders = new Set(known.map(({ leader }) => leader));
        const isWhole = known.every(
          (status) => status.members.length === this.devices.length && status.voters.length === voters,
        );
        return known.length === all.length && isWhole && leaders.size === 1 && !leaders.has(undefined)
          ? known
          : undefined;
      },
      { withinMs, explain: () => this.lastWords() },
    );
  }

  device(name: string): TestDevice {
    const found = this.devices.find((device) => device.name === name);
    if (found === undefined) throw new Error(`there is no device ${name}`);
    return found;
  }

  /** A way to the site over the API; opened at its first use. */
  async client(): Promise<SiteClient> {
    if (this.#client !== undefined) return this.#client;
    const clock = new SystemClock();
    const ports = { clock, random: systemRandom, links: new MqttJsLinks({ clock, random: systemRandom }) };
    const options = { site: siteId(siteName), brokers: [{ url: this.broker.url }], name: "e2e" };
    this.#client = await eventually(
      "a device of the site is on the broker",
      () => SiteClient.open(options, ports).catch(() => undefined),
      { explain: () => this.lastWords() },
    );
    return this.#client;
  }

  /** Undefined when it does not answer. */
  async statusOf(name: string, within: Duration = seconds(3)): Promise<AgentStatus | undefined> {
    if (!this.device(name).isRunning) return undefined;
    const client = await this.client();
    const [status] = await client.ask(deviceId(name), "status", {}, within).catch(() => []);
    return status as AgentStatus | undefined;
  }

  /** The status of whoever says that it leads; undefined when nobody does. */
  async coordinator(): Promise<AgentStatus | undefined> {
    const all = await Promise.all(this.devices.map(({ name }) => this.statusOf(name)));
    return all.filter((status) => status?.role === "leader").sort((a, b) => (b?.term ?? 0) - (a?.term ?? 0))[0];
  }

  /** The command line, told where the site is. */
  skein(...args: string[]): Promise<Finished> {
    return runSkein([...args, "--site", siteName, "--broker", this.broker.url]);
  }

  /** Through the command line, as a person does; `yaml` is a whole file. Answers the revision. */
  async configure(yaml: string): Promise<number> {
    const file = join(this.directory, "site.yaml");
    writeFileSync(file, yaml);
    const { code, stdout, stderr } = await this.skein("config", "apply", file, "--yes", "--json");
    if (code !== 0) throw new Error(`config apply ended with ${code}\n${stdout}${stderr}`);
    return (JSON.parse(stdout) as { revision: number }).revision;
  }

  lastWords(): string {
    return this.devices.map((device) => `--- ${device.name}\n${device.lastWords()}`).join("\n");
  }

  /** A directory below this site's own. */
  makeDirectory(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Ends everything and removes it. */
  async dispose(): Promise<void> {
    await this.#client?.close();
    await Promise.all(this.devices.map((device) => device.kill()));
    await this.broker.dispose();
    this.#temporary.remove();
  }
}
