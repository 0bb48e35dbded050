// A voter in a process of its own; the one that founds leads, and measures.

import { assert } from "../../src/base/errors.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import { serve } from "../support/child-process.ts";
import { CountCommands, foundSite } from "../support/count-commands.ts";
import { processUsage } from "../support/process-usage.ts";
import { SiteMember, type SiteMemberOptions } from "../support/site-member.ts";

let opened: { member: SiteMember; options: SiteMemberOptions } | undefined;
let commands: CountCommands | undefined;

function member(): SiteMember {
  assert(opened !== undefined, "a voter is opened first");
  return opened.member;
}

function counts(): CountCommands {
  commands ??= new CountCommands(member());
  return commands;
}

const calls = {
  open: async (options: SiteMemberOptions): Promise<MemberKey> => {
    opened = { member: await SiteMember.open(options), options };
    opened.member.start();
    return opened.member.key;
  },
  isReady: (): boolean => member().isConnected,
  isLeader: (): boolean => member().replica.status().hasAuthority,
  /** The leader: founds the site, then moves to these voters. */
  found: async (voters: readonly MemberKey[]): Promise<number> => {
    const { site, generation } = (opened as NonNullable<typeof opened>).options;
    await foundSite(member(), site, generation);
    await member().changeVoters(voters);
    return counts().bytes();
  },
  /** Milliseconds of each, from proposing to applied at the leader. */
  oneByOne: async (count: number): Promise<number[]> => {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const command = counts().next();
      const start = performance.now();
      await member().commit(command);
      times.push(performance.now() - start);
    }
    return times;
  },
  inFlight: async ({ inFlight, count }: { inFlight: number; count: number }): Promise<{ elapsedMs: number }> => {
    const start = performance.now();
    let left = count;
    const one = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await member().commit(counts().next());
      }
    };
    await Promise.all(Array.from({ length: inFlight }, one));
    return { elapsedMs: performance.now() - start };
  },
  term: (): number => member().replica.role.term,
  commitIndex: (): number => member().replica.status().commit,
  said: () => member().said,
  usage: processUsage,
};

export type VoterCalls = typeof calls;
serve(calls);
