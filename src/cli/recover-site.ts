// What `skein recover` does on this machine: everything is shown before anything is asked, and asked before anything is written.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { beginGeneration, openSurvivor, type Survivor } from "../agent/recovery.ts";
import { objectionsOfOthers, objectionsToNames, type RecoveryPlan, votersOf } from "../agent/recovery-objections.ts";
import { lookAround, type Surroundings } from "../agent/recovery-watch.ts";
import { parseDuration } from "../base/duration-text.ts";
import { SkeinError } from "../base/errors.ts";
import { type DeviceId, deviceId } from "../base/ids.ts";
import { withLogins } from "../host/broker-logins.ts";
import { type HostDataDirectory, openDataDirectory } from "../host/data-directory.ts";
import { EmbeddedBrokers } from "../host/embedded-broker.ts";
import { createLogger } from "../host/logger.ts";
import { MqttJsLinks } from "../host/mqtt-link.ts";
import { SystemClock } from "../host/system-clock.ts";
import { systemRandom } from "../host/system-random.ts";
import { readSetAsideLog } from "../replica/set-aside-log.ts";
import type { AgentOptions } from "./agent-options.ts";
import { ask } from "./asking.ts";
import { print, printJson } from "./connection.ts";
import { describeRecovery } from "./reports/recovery-report.ts";
import { describeSetAside, setAsideRows } from "./reports/set-aside-report.ts";
import { version } from "./version.ts";

export interface RecoverArguments {
  readonly config: string | undefined;
  readonly site: string | undefined;
  readonly device: string | undefined;
  readonly data: string | undefined;
  readonly broker: string[];
  readonly "embed-broker": string | undefined;
  readonly lost: string | undefined;
  readonly survivors: string | undefined;
  readonly "yes-lost": string | undefined;
  readonly alone: boolean;
  readonly listen: string;
  readonly "set-aside": boolean;
  readonly from: number;
  readonly json: boolean;
}

export function recoverSite(options: AgentOptions, args: RecoverArguments): Promise<void> {
  return withDataDirectory(options, async (data) => {
    const ports = { clock: new SystemClock(), random: systemRandom, data };
    const survivor = await openSurvivor(ports, options.device);
    const lost = declaredLost(survivor, args);
    const plan: RecoveryPlan = {
      self: options.device,
      generation: survivor.generation.number,
      last: survivor.position.last,
      voters: survivor.position.voters,
      members: survivor.members,
      lost: lost ?? [],
      isAlone: args.alone,
    };
    if (lost !== undefined) refuseIf(objectionsToNames(plan));
    const surroundings = await listen(options, args);
    print(describeRecovery(options.site, survivor, plan, surroundings));
    if (lost === undefined) {
      throw new SkeinError("invalid-argument", "Nothing was changed. Say who is lost for good: --lost NAME,NAME");
    }
    refuseIf(objectionsOfOthers(plan, surroundings));
    await confirm(lost, args["yes-lost"]);
    const { generation, start, adopted } = await beginGeneration(ports, survivor, {
      site: options.site,
      version,
      lost,
    });
    print(
      `Generation ${generation.number} begins after entry ${start.index - 1}` +
        `${adopted === 0 ? "" : `, with ${adopted} entries that were not known to be agreed`}. ` +
        `Start the agent of ${options.device} now: it coordinates alone, and the others come over as they hear it.`,
    );
  });
}

/** Every incarnation whose state is still in the data directory, the newest first. */
export function listSetAside(options: AgentOptions, { from, json }: RecoverArguments): Promise<void> {
  return withDataDirectory(options, async (data) => {
    const all: ReturnType<typeof setAsideRows> = [];
    for (const { incarnation, logFiles } of data.setAside()) {
      const log = await readSetAsideLog(logFiles);
      if (log.kind === "damaged") {
        process.stderr.write(`Incarnation ${incarnation} cannot be listed: ${log.why}\n`);
        continue;
      }
      const rows = setAsideRows(incarnation, log, from);
      all.push(...rows);
      if (json) continue;
      print(`Incarnation ${incarnation}: ${rows.length} entries after entry ${Math.max(log.begins, from - 1)}`);
      if (rows.length > 0) print(describeSetAside(rows));
    }
    if (json) printJson(all);
    else if (data.setAside().length === 0) print("Nothing was ever set aside here.");
  });
}

async function withDataDirectory(
  { dataPath, site, device }: AgentOptions,
  task: (data: HostDataDirectory) => Promise<void>,
): Promise<void> {
  // Opening would make one.
  if (!existsSync(join(dataPath, "identity.json"))) {
    throw new SkeinError("not-found", `${dataPath} is no data directory of an agent: there is nothing to recover from`);
  }
  const data = await openDataDirectory(dataPath, { site, device });
  try {
    await task(data);
  } finally {
    await data.close();
  }
}

/** Undefined: nobody is named, and nothing is to be done but to look. */
function declaredLost(
  { device, members, position }: Survivor,
  { lost, survivors }: RecoverArguments,
): DeviceId[] | undefined {
  if (lost !== undefined && survivors !== undefined) {
    throw new SkeinError("invalid-argument", "Say either --lost or --survivors");
  }
  if (lost !== undefined) return names(lost);
  if (survivors === undefined) return undefined;
  const left = new Set<DeviceId>([device, ...names(survivors)]);
  const known = new Set<DeviceId>([device, ...members, ...votersOf(position.voters)]);
  const unknown = [...left].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new SkeinError("invalid-argument", `${unknown.join(", ")}: no member of the site has this name; look at it`);
  }
  return votersOf(position.voters).filter((voter) => !left.has(voter));
}

const names = (text: string): DeviceId[] =>
  [...new Set(text.split(/[\s,]+/).filter((name) => name !== ""))].map(deviceId);

/** The own embedded broker is started for it: some of the others may know no other. */
async function listen(options: AgentOptions, { listen: span }: RecoverArguments): Promise<Surroundings> {
  const clock = new SystemClock();
  const listenFor = parseDuration(span, "--listen");
  const broker =
    options.embedBroker === undefined
      ? undefined
      : await new EmbeddedBrokers({ log: createLogger({ level: "silent", descriptor: 2 }) }).start(options.embedBroker);
  try {
    const own = broker === undefined ? [] : [{ url: `mqtt://127.0.0.1:${broker.port}` }];
    const brokers = [...options.brokers, ...own];
    const links = withLogins(new MqttJsLinks({ clock, random: systemRandom }), options.logins);
    process.stderr.write(`Listening for ${span} on ${brokers.length} brokers …\n`);
    const { site, device: self } = options;
    return await lookAround({ clock, random: systemRandom, links }, { site, self, brokers, listenFor });
  } finally {
    await broker?.stop();
  }
}

function refuseIf(objections: readonly string[]): void {
  if (objections.length > 0) {
    throw new SkeinError(
      "refused",
      `Nothing was changed:\n${objections.map((objection) => `  - ${objection}`).join("\n")}`,
    );
  }
}

async function confirm(lost: readonly DeviceId[], said: string | undefined): Promise<void> {
  const isSame = (text: string): boolean => names(text).sort().join() === [...lost].sort().join();
  if (said !== undefined) {
    if (isSame(said)) return;
    throw new SkeinError("invalid-argument", `--yes-lost must name exactly those that are lost: ${lost.join(",")}`);
  }
  const question = "Type the names of the lost devices, to give them up for good: ";
  const answer = await ask(question, `--yes-lost ${lost.join(",")}`);
  const isNamed = /^[a-z0-9\s,-]*$/.test(answer) && isSame(answer);
  if (!isNamed) throw new SkeinError("refused", "Nothing was changed: those are not the names of the lost devices");
}
