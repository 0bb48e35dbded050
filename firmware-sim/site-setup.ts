// A fresh site made complete, the way a person would: its first device founds it, the others join, the configuration is
// applied through the API, and then everybody has it in force.

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentStatus } from "../src/agent/status.ts";
import { isSkeinError, SkeinError } from "../src/base/errors.ts";
import type { LogIndex } from "../src/base/units.ts";
import type { SiteConfiguration } from "../src/site/configuration.ts";
import { packChanges } from "../src/site/configuration-changes.ts";
import type { SiteApi } from "./agent-door.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import { planChanges } from "./site-plan.ts";

export interface SetupOptions {
  readonly devices: readonly SimulatedDevice[];
  readonly plan: SiteConfiguration;
  readonly openApi: () => Promise<SiteApi>;
  readonly progress: (text: string) => void;
  /** Setting up is given up when it has made no progress for so long. */
  readonly patienceMs: number;
  /** Ends the set-up early; it then fails with the signal's reason. */
  readonly signal: AbortSignal;
}

const startsAtOnce = 8;
const pollMs = 100;
const askAgainMs = 300;

/** Resolves when every device is a member and has the configuration in force. Fails with `timed-out`, naming what is missing. */
export async function setUpSite(options: SetupOptions): Promise<void> {
  const [founder, ...others] = options.devices;
  if (founder === undefined) throw new SkeinError("invalid-argument", "A site has at least one device");
  options.progress(`${founder.device} founds the site`);
  await founder.start();
  await reached(options, async () => ({
    isDone: (await founder.status())?.role === "leader",
    text: `${founder.device} founds the site`,
  }));
  await startAll(others, options);
  await reached(options, async () => {
    const joined = (await founder.status())?.members.length ?? 0;
    return {
      isDone: joined >= options.devices.length,
      text: `${joined} of ${options.devices.length} devices have joined`,
    };
  });
  const api = await options.openApi();
  try {
    const revision = await applyPlan(api, options);
    await reached(options, () => allInForce(options, revision));
  } finally {
    await api.close();
  }
}

async function startAll(devices: readonly SimulatedDevice[], { progress, signal }: SetupOptions): Promise<void> {
  let started = 1;
  const queue = [...devices];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      signal.throwIfAborted();
      await next.start();
      started += 1;
      progress(`${started} of ${devices.length + 1} devices are on`);
    }
  };
  await Promise.all(Array.from({ length: startsAtOnce }, work));
}

async function applyPlan(api: SiteApi, { plan, progress, signal }: SetupOptions): Promise<LogIndex> {
  const changes = planChanges(plan);
  progress(`the configuration is applied: ${changes.length} changes`);
  const argument = {
    base: 0,
    changes: packChanges(changes),
    author: "sim",
    note: "the simulated site",
    session: randomBytes(16).toString("hex"),
    serial: 1,
  };
  return revisionOf(await askUntilKnown(api, argument, signal));
}

/** A time-out says nothing about the outcome; the same session and serial may be asked again and apply once. */
async function askUntilKnown(api: SiteApi, argument: unknown, signal: AbortSignal): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await api.ask("any", "config.apply", argument)).at(0);
    } catch (failure) {
      if (!isSkeinError(failure, "timed-out") || attempt === 10) throw failure;
    }
    await sleep(askAgainMs, undefined, { signal });
  }
}

function revisionOf(answer: unknown): LogIndex {
  const revision = typeof answer === "object" && answer !== null && "revision" in answer ? answer.revision : undefined;
  if (typeof revision === "number") return revision as LogIndex;
  throw new SkeinError("refused", `The site answered config.apply with ${JSON.stringify(answer)}`);
}

async function allInForce({ devices }: SetupOptions, revision: LogIndex): Promise<{ isDone: boolean; text: string }> {
  const statuses = await Promise.all(devices.map((device) => device.status()));
  const known = statuses.filter((status): status is AgentStatus => status !== undefined);
  const inForce = known.filter((status) => status.revision >= revision).length;
  return {
    isDone: inForce === devices.length,
    text: `revision ${revision} is in force on ${inForce} of ${devices.length} devices`,
  };
}

async function reached(
  { progress, patienceMs, signal }: SetupOptions,
  look: () => Promise<{ isDone: boolean; text: string }>,
): Promise<void> {
  let before = "";
  let changedAt = performance.now();
  for (;;) {
    const { isDone, text } = await look();
    if (isDone) return;
    if (text !== before) {
      before = text;
      changedAt = performance.now();
      progress(text);
    }
    if (performance.now() - changedAt > patienceMs) {
      throw new SkeinError(
        "timed-out",
        `The site did not become complete: ${text}, and nothing changed for ${patienceMs / 1000} s`,
      );
    }
    await sleep(pollMs, undefined, { signal });
  }
}
