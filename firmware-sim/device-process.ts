// The program of one device with a process of its own (`skein sim --processes`): a real agent, simulated sensors, and a line to
// the site. It ends with the site, whatever becomes of that.

import type { Agent } from "../src/agent/agent.ts";
import { instant } from "../src/base/units.ts";
import type { FromDevice, ProcessSettings, ToDevice } from "./process-messages.ts";
import { loadProfiles } from "./profiles.ts";
import { realHost } from "./real-host.ts";
import { FileLedger } from "./sensed-ledger.ts";
import { simulatedDrivers } from "./simulated-sensors.ts";

const say = (message: FromDevice): void => {
  if (process.connected) process.send?.(message);
};

async function main(settings: ProcessSettings): Promise<void> {
  let isSilent = settings.isSilent;
  const host = realHost();
  const clock = host.clock();
  const random = host.random();
  const world = {
    profiles: loadProfiles(),
    seed: settings.seed,
    day: settings.day,
    origin: instant(clock.now() - (Date.now() - settings.originWall)),
    isSilent: () => isSilent,
  };
  const data = await host.openData(settings.dataPath, settings.agent);
  const ports = {
    clock,
    random,
    logger: host.logger(settings.agent.device),
    data,
    links: host.links(clock, random),
    drivers: simulatedDrivers(world, new FileLedger(settings.ledgerPath), clock),
  };
  const agent = host.createAgent(ports, settings.agent);
  void agent.failed.then(fail);
  process.on("message", (message: ToDevice) => {
    if (message.kind === "silent") isSilent = message.isSilent;
    else answer(agent, message.request, message.what);
  });
  process.once("SIGTERM", () => void shutDown(agent));
  await agent.start();
  say({ kind: "up" });
}

function answer(agent: Agent, request: number, what: "status" | "stored"): void {
  if (what === "status") {
    say({ kind: "answer", request, value: agent.status() });
    return;
  }
  agent.storedReadings().then(
    (value) => say({ kind: "answer", request, value }),
    () => say({ kind: "answer", request, value: undefined }),
  );
}

async function shutDown(agent: Agent): Promise<void> {
  await agent.stop();
  process.exit(0);
}

function fail(reason: unknown): void {
  const why = reason instanceof Error ? reason.message : String(reason);
  process.stderr.write(`${why}\n`);
  say({ kind: "failed", why });
  process.exit(1);
}

process.once("disconnect", () => process.exit(0));
process.on("SIGINT", () => undefined); // Ctrl-C reaches the whole group; the site decides
main(JSON.parse(process.argv[2] ?? "{}") as ProcessSettings).catch(fail);
