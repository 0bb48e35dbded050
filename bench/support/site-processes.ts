// A site whose voters are processes, and the bare program with as many: both over one broker, on one disk.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { deviceId, siteId } from "../../src/base/ids.ts";
import type { BareVoterCalls } from "../children/bare-voter.ts";
import type { VoterCalls } from "../children/voter.ts";
import { Child } from "./child-process.ts";

export interface SiteProcesses {
  readonly leader: Child<VoterCalls>;
  readonly all: readonly Child<VoterCalls>[];
  /** Of one command in the log. */
  readonly commandBytes: number;
  stop(): Promise<void>;
}

export async function startSite(
  { brokerUrl, directory, name }: { brokerUrl: string; directory: string; name: string },
  voters: number,
  leaderArguments: readonly string[] = [],
): Promise<SiteProcesses> {
  const leader = new Child<VoterCalls>("voter", leaderArguments);
  const all = [leader];
  while (all.length < voters) all.push(new Child<VoterCalls>("voter"));
  await mkdir(join(directory, name));
  const keys = await Promise.all(
    all.map((voter, i) =>
      voter.call("open", {
        site: siteId(name),
        generation: { number: 1, nonce: "7".repeat(32) },
        device: deviceId(`v${i + 1}`),
        founds: i === 0,
        brokerUrl,
        directory: join(directory, name, `v${i + 1}`),
      }),
    ),
  );
  for (const voter of all) await untilTrue(() => voter.call("isReady"));
  await untilTrue(() => leader.call("isLeader"));
  const commandBytes = await leader.call("found", keys);
  return { leader, all, commandBytes, stop: () => stopAll(all) };
}

export interface BareProcesses {
  readonly leader: Child<BareVoterCalls>;
  readonly all: readonly Child<BareVoterCalls>[];
  stop(): Promise<void>;
}

export async function startBare(
  { brokerUrl, directory }: { brokerUrl: string; directory: string },
  voters: number,
): Promise<BareProcesses> {
  const leader = new Child<BareVoterCalls>("bare-voter");
  const all = [leader];
  while (all.length < voters) all.push(new Child<BareVoterCalls>("bare-voter"));
  await Promise.all(
    all.map((voter, i) =>
      voter.call("open", { brokerUrl, directory, name: `${voters}-${i + 1}`, voters, leads: i === 0 }),
    ),
  );
  return { leader, all, stop: () => stopAll(all) };
}

async function stopAll(children: readonly Child<never>[]): Promise<void> {
  await Promise.all(children.map((child) => child.stop()));
}

/** Asks again until the answer is yes. */
export async function untilTrue(ask: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !(await ask()); tries++) {
    if (tries > 3_000) throw new Error(`It never became so: ${ask.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
