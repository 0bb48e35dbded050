// `skein sim`: a whole site on this machine.

import { randomInt } from "node:crypto";
import type { CommandModule } from "yargs";
import { faultKinds, parseFault } from "../../../firmware-sim/faults.ts";
import { realHost } from "../../../firmware-sim/real-host.ts";
import { runSim } from "../../../firmware-sim/run-sim.ts";
import { defaultTimes, type SimOptions, usualPorts } from "../../../firmware-sim/sim-options.ts";
import { openStage } from "../../../firmware-sim/sim-stage.ts";
import { simulatedTimes } from "../../../firmware-sim/site-plan.ts";
import { parseDuration } from "../../base/duration-text.ts";
import { SkeinError } from "../../base/errors.ts";
import { siteId } from "../../base/ids.ts";
import { hours, seconds } from "../../base/units.ts";
import { exitCodes } from "../exit-codes.ts";

interface SimArguments {
  devices: number;
  duration: string | undefined;
  seed: number | undefined;
  fault: string[];
  "restart-after": string | undefined;
  broker: string[];
  host: string;
  port: number | undefined;
  "page-port": number | undefined;
  report: string | undefined;
  processes: boolean;
  day: string | undefined;
  data: string | undefined;
  site: string | undefined;
  plain: boolean;
}

const exitPatienceMs = 2_000;

const kinds = Object.entries(faultKinds)
  .map(([kind, { does }]) => `  ${kind.padEnd(17)} ${does}`)
  .join("\n");

export const simCommand: CommandModule<object, SimArguments> = {
  command: "sim",
  describe: "Run a whole site on this machine: real agents, simulated sensors, a judge",
  builder: (yargs) =>
    yargs
      .option("devices", { type: "number", default: 50, describe: "How many devices" })
      .option("duration", {
        type: "string",
        describe: "How long the sensors run, e.g. 90s; without it until q is pressed",
      })
      .option("seed", {
        type: "number",
        describe: "Of sensors and random faults; the same seed gives the same signals",
      })
      .option("fault", {
        type: "string",
        array: true,
        nargs: 1,
        default: [],
        describe: "AT:KIND[:DEVICE], repeatable; see below",
      })
      .option("restart-after", { type: "string", describe: "How long a killed device stays off (3s)" })
      .option("broker", {
        type: "string",
        array: true,
        nargs: 1,
        default: [],
        describe: "URL of a broker to use instead of an embedded one",
      })
      .option("host", { type: "string", default: "127.0.0.1", describe: "Address for the broker and the page" })
      .option("port", { type: "number", describe: `Port of the broker (${usualPorts.broker}, or any free one)` })
      .option("page-port", { type: "number", describe: `Port of the page (${usualPorts.page}, or any free one)` })
      .option("report", { type: "string", describe: "File for the report, as JSON" })
      .option("processes", { type: "boolean", default: false, describe: "Each agent in a process of its own" })
      .option("day", { type: "string", describe: "How long a simulated day lasts (10m)" })
      .option("data", {
        type: "string",
        describe: "Directory that keeps the devices' data; must be empty",
      })
      .option("site", { type: "string", describe: "Name of the site" })
      .option("plain", { type: "boolean", default: false, describe: "Lines instead of the live view" })
      .example("$0 sim", "50 devices, with a live view; press k to kill the coordinator")
      .example(
        "$0 sim --duration 90s --fault 20s:kill-coordinator --fault 40s:kill:pi-07",
        "Faults by script; exit code 0 only if nothing was lost",
      )
      .example("$0 sim --devices 5 --processes --broker mqtt://127.0.0.1:1883", "Five processes over your own broker")
      .epilogue(
        `Faults:\n${kinds}\n\nExit code: 0 if the judge found nothing, 1 if it did (each reason names the window, device or fault), ` +
          "64 for wrong options, 69 when a broker or port cannot be used, 130 when interrupted.",
      ),
  handler: async (args) => {
    const stage = openStage(args.plain);
    try {
      process.exitCode = await runSim(simOptions(args), realHost(), stage);
    } catch (failure) {
      const signal = stage.exitSignal();
      if (signal === undefined) throw failure;
      process.exitCode = signal === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated;
    }
    setTimeout(() => process.exit(), exitPatienceMs).unref(); // a stopped run leaves no process behind, whatever still waits
  },
};

function simOptions(args: SimArguments): SimOptions {
  const duration = args.duration === undefined ? undefined : parseDuration(args.duration, "--duration");
  if (duration !== undefined && (duration === 0 || duration > hours(24))) {
    throw new SkeinError(
      "invalid-argument",
      `--duration ${args.duration}: a run lasts more than nothing and at most 24h`,
    );
  }
  const brokerUrl = args.broker.at(-1);
  const time = (text: string | undefined, option: string, otherwise: SimOptions["day"]) =>
    text === undefined ? otherwise : parseDuration(text, option);
  return {
    // on a broker that outlives the run, another run must not meet this one's retained values
    site: siteId(args.site ?? (brokerUrl === undefined ? "sim" : `sim-${randomInt(0x1000000).toString(16)}`)),
    devices: whole(args.devices, "--devices"),
    duration,
    seed: args.seed === undefined ? randomInt(1_000_000) : whole(args.seed, "--seed"),
    faults: args.fault.map(parseFault),
    restartAfter: time(args["restart-after"], "--restart-after", defaultTimes.restartAfter),
    brokerUrl,
    host: args.host,
    port: tcpPort(args.port, "--port"),
    pagePort: tcpPort(args["page-port"], "--page-port"),
    reportFile: args.report,
    isProcessEach: args.processes,
    day: dayLength(time(args.day, "--day", defaultTimes.day)),
    dataPath: args.data,
    times: simulatedTimes,
    drainLimit: defaultTimes.drainLimit,
    tamper: (delivery) => [delivery],
  };
}

function dayLength(day: SimOptions["day"]): SimOptions["day"] {
  if (day >= seconds(1)) return day;
  throw new SkeinError("invalid-argument", "--day: a simulated day lasts a second or longer");
}

function tcpPort(value: number | undefined, option: string): number | undefined {
  if (value === undefined || whole(value, option) <= 65_535) return value;
  throw new SkeinError("invalid-argument", `${option} ${value} is no TCP port`);
}

function whole(value: number, option: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new SkeinError("invalid-argument", `${option} takes a whole number`);
}
