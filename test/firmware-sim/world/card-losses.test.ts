// Which cards may be lost at a time: a minority of each configuration that may be in force.

import { describe, expect, it } from "vitest";
import { CardLosses } from "../../../firmware-sim/world/card-losses.ts";
import type { WatchedLife } from "../../../firmware-sim/world/checker.ts";
import { deviceId, incarnation, type MemberKey, memberKey } from "../../../src/base/ids.ts";
import { instant, logIndex, siteTime, term } from "../../../src/base/units.ts";
import type { Entry, RaftEffect, RaftEvent, RaftInitial, Voters } from "../../../src/raft/types.ts";

const key = (device: string): MemberKey =>
  memberKey({ device: deviceId(device), incarnation: incarnation(Buffer.alloc(16, 1)) });
const group = (devices: string): readonly MemberKey[] => devices.split("").map(key);
const tick: RaftEvent = { kind: "tick", now: instant(0), siteTime: siteTime(0) };

/** `of`: "abc" for three voters, "abc>abd" for a joint configuration. */
function votersOf(of: string): Voters {
  const [current = "", incoming] = of.split(">");
  return { current: group(current), ...(incoming === undefined ? {} : { incoming: group(incoming) }) };
}

const entry = (index: number, of: string): Entry => ({
  kind: "voters",
  index: logIndex(index),
  term: term(1),
  siteTime: siteTime(0),
  voters: votersOf(of),
});

/** A site whose committed configuration is `committed`. */
function site(committed: string) {
  const losses = new CardLosses();
  let generation = 1;
  const life = { generation: () => generation } as WatchedLife;
  const begin = (of: string, entries: readonly Entry[] = []): void => {
    const start = { index: logIndex(1), term: term(1), voters: votersOf(of) };
    losses.lifeBegan(life, { start, entries } as unknown as RaftInitial);
  };
  begin(committed);
  return {
    losses,
    append: (index: number, of: string): void => {
      const persist = { kind: "persist", entries: [entry(index, of)] } as unknown as RaftEffect;
      losses.stepped(life, tick, [persist]);
    },
    commit: (index: number, of: string): void => losses.applied(life, entry(index, of)),
    recover: (of: string): void => {
      generation += 1;
      begin(of);
    },
    mayLose: (devices: string): string =>
      devices
        .split("")
        .filter((device) => losses.mayLose([key(device)]))
        .join(""),
  };
}

describe("cards that may be lost", () => {
  it.each([
    ["a", ""],
    ["ab", ""],
    ["abc", "abc"],
    ["abcd", "abcd"],
  ])("are those of a minority (voters %s)", (voters, may) => {
    expect(site(voters).mayLose(voters)).toBe(may);
  });

  it("are no more once a minority is lost, but for those that are lost already, and for who is no voter", () => {
    const { losses, mayLose } = site("abcde");
    losses.lose(group("a"));
    expect(mayLose("abcdex")).toBe("abcdex");
    losses.lose(group("b"));
    expect(mayLose("abcdex")).toBe("abx");
  });

  it("in a change of the voters are a minority of both halves, from its first entry on", () => {
    const { losses, append, commit, mayLose } = site("abc");
    append(5, "abc>cde");
    losses.lose(group("a"));
    expect(mayLose("abcde")).toBe("ade");
    commit(5, "abc>cde");
    append(6, "cde");
    expect(mayLose("abcde")).toBe("ade");
    commit(6, "cde");
    expect(mayLose("abcde")).toBe("abcde");
  });

  it("count a change that may have been truncated, until a newer one is committed", () => {
    const { losses, append, commit, mayLose } = site("abc");
    append(5, "abc>abd");
    losses.lose(group("d"));
    expect(mayLose("abc")).toBe("c");
    commit(6, "abc>abe");
    expect(mayLose("abce")).toBe("abce");
  });

  it("are judged by the newest generation, and nobody's before a configuration was seen", () => {
    const { losses, mayLose, recover } = site("abc");
    losses.lose(group("bc"));
    recover("a");
    expect(mayLose("a")).toBe("");
    expect(mayLose("b")).toBe("b");
    expect(new CardLosses().mayLose([key("a")])).toBe(false);
    expect(losses.mayLose([])).toBe(false);
  });
});
