// One broker in its own process: Debian's Mosquitto where it is installed (as most sites have it), else skein's embedded one.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import type { BrokerCalls } from "../children/broker.ts";
import { Child } from "./child-process.ts";
import { onExit } from "./cleanup.ts";

export interface BrokerProcess {
  /** For the report. */
  readonly name: string;
  readonly url: string;
  stop(): Promise<void>;
}

const { PATH: pathOfThisProcess = "" } = process.env;
const environment = { ...process.env, PATH: `${pathOfThisProcess}:/usr/sbin:/sbin` };

export async function startBroker(directory: string): Promise<BrokerProcess> {
  const found = spawnSync("mosquitto", ["-h"], { env: environment, encoding: "utf8" });
  return found.error === undefined ? startMosquitto(directory, found.stdout) : startEmbedded();
}

async function startEmbedded(): Promise<BrokerProcess> {
  const child = new Child<BrokerCalls>("broker");
  const port = await child.call("start");
  return { name: "aedes in its own process", url: `mqtt://127.0.0.1:${port}`, stop: () => child.stop() };
}

async function startMosquitto(directory: string, help: string): Promise<BrokerProcess> {
  const port = await freePort();
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "set_tcp_nodelay true", "log_type error"];
  if (process.getuid?.() === 0) lines.push("user root"); // it would drop to a user that cannot read the directory
  const path = join(directory, "mosquitto.conf");
  writeFileSync(path, `${lines.join("\n")}\n`);
  const started = spawn("mosquitto", ["-c", path], { env: environment, stdio: "ignore" });
  const forget = onExit(() => started.kill("SIGKILL"));
  while (!(await isListening(port))) {
    if (started.exitCode !== null) throw new Error(`mosquitto ended with ${started.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const version = /version (\S+)/.exec(help)?.[1] ?? "";
  return { name: `Mosquitto ${version}`, url: `mqtt://127.0.0.1:${port}`, stop: () => stop(started, forget) };
}

async function stop(broker: ChildProcess, forget: () => void): Promise<void> {
  const ended = new Promise((resolve) => broker.once("exit", resolve));
  if (broker.exitCode === null && broker.kill("SIGTERM")) await ended;
  forget();
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    }).once("error", () => resolve(false));
  });
}
