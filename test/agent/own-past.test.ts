import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { isSuperseded, OwnPast, type Run } from "../../src/agent/own-past.ts";
import { deviceId, type Incarnation } from "../../src/base/ids.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";

const self = { device: deviceId("a"), incarnation: "1".repeat(32) as Incarnation };
const own: Run = { session: 5, start: 500 };

/** One run, and what it does. */
class World {
  readonly time = new VirtualTime();
  readonly did: string[] = [];
  isOnlyVoter = false;
  readonly past = new OwnPast(
    new VirtualClock(this.time),
    { self, ...own, isReturning: true, listenFor: seconds(1.5) },
    {
      answer: ({ session, start }) => this.did.push(`answer ${session}/${start}`),
      fallSilent: (why) => this.did.push(`silent: ${why.slice(0, 10)}`),
      goOn: () => this.did.push("go on"),
      isOnlyVoter: () => this.isOnlyVoter,
      heardCopy: (text) => this.did.push(text),
      renew: () => this.did.push("renew"),
    },
  );

  hears(run: Run, more: { isRetained?: boolean; quotes?: Run } = {}): void {
    const { isRetained = false, quotes } = more;
    this.past.heard({ from: self, ...run, isRetained, quotes });
  }
}

describe("a device that hears its own name", () => {
  let a: World;
  beforeEach(() => {
    a = new World();
  });

  it("an earlier session may be its own past, late: it answers, and nothing else", () => {
    for (let i = 0; i < 20; i++) a.hears({ session: 4, start: 400 });
    a.time.run(seconds(30));
    expect(a.did).toEqual(["answer 4/400"]);
    expect(a.past.isSilent).toBe(false);
  });

  it.each([
    { session: 6, start: 600 },
    { session: 5, start: 501 },
  ])("a session that is not below its own is another run: silent at once, asked, and then renewed (%o)", (other) => {
    a.hears(other, { isRetained: true });
    expect(a.past.isSilent).toBe(true);
    a.time.run(seconds(10));
    expect(a.did[0]).toMatch(/^silent/);
    expect(a.did.filter((line) => line.startsWith("answer"))).toHaveLength(6);
    expect(a.did.at(-1)).toBe("renew");
  });

  it("a run that quotes this one's start lives, whichever is older: cut off for good, and not renewed", () => {
    a.hears({ session: 4, start: 400 }, { quotes: own });
    a.time.run(seconds(60));
    expect(a.past.why).toMatch(/here session 5, elsewhere session 4/);
    expect(a.did).not.toContain("renew");
  });

  it("a quote of another start is an answer to somebody else, an hour old perhaps", () => {
    a.hears({ session: 4, start: 400 }, { quotes: { session: 5, start: 499 } });
    expect(a.past.isSilent).toBe(false);
  });

  it("an answer while it waits: two copies, and no new incarnation", () => {
    a.hears({ session: 6, start: 600 });
    a.time.run(seconds(1));
    a.hears({ session: 6, start: 600 }, { quotes: own });
    a.time.run(seconds(60));
    expect(a.past.why).toMatch(/two copies/);
    expect(a.did).not.toContain("renew");
  });

  it("the only voter goes on when nobody answers, and the same evidence does not stop it again", () => {
    a.isOnlyVoter = true;
    a.hears({ session: 6, start: 600 });
    a.time.run(seconds(10));
    a.hears({ session: 6, start: 600 }, { isRetained: true });
    expect(a.did.at(-1)).toBe("go on");
    expect(a.past.isTrusted).toBe(true);
  });

  it("another incarnation is shown to people, and no reason to fall silent; not in the first moments, when it may be its own past", () => {
    const other = { from: { ...self, incarnation: "2".repeat(32) as Incarnation }, session: 9, start: 900 };
    a.past.heard({ ...other, isRetained: false, quotes: undefined });
    a.time.run(seconds(11));
    a.past.heard({ ...other, isRetained: false, quotes: undefined });
    expect(a.did).toEqual([expect.stringMatching(/^another copy of a .*session 9/)]);
    expect(a.past.isSilent).toBe(false);
  });

  it("two that talk to each other do not talk each other hot", () => {
    for (let i = 0; i < 100; i++) {
      a.hears({ session: 6, start: 600 }, { quotes: own });
      a.time.run(milliseconds(10));
    }
    expect(a.did.filter((line) => line.startsWith("answer")).length).toBeLessThan(5);
  });
});

it("votes and leads only after it has listened on a broker for a while, and at once where it has no past", () => {
  const a = new World();
  let trusted = 0;
  a.time.run(seconds(20));
  expect(a.past.isTrusted).toBe(false);
  for (let i = 0; i < 3; i++) a.past.connected(() => (trusted += 1));
  a.time.run(seconds(1));
  expect(a.past.isTrusted).toBe(false);
  a.time.run(seconds(1));
  expect([a.past.isTrusted, trusted]).toEqual([true, 1]);
  const fresh = { self, ...own, isReturning: false, listenFor: seconds(1.5) };
  const nothing = () => undefined;
  const door = {
    answer: nothing,
    fallSilent: nothing,
    goOn: nothing,
    isOnlyVoter: () => false,
    heardCopy: nothing,
    renew: nothing,
  };
  expect(new OwnPast(new VirtualClock(a.time), fresh, door).isTrusted).toBe(true);
});

it.each([
  [{ session: 4, start: 4 }, true],
  [{ session: 5, start: 4 }, true],
  [{ session: 5, start: 500 }, false],
  [{ session: 6, start: 4 }, false],
])("the member table judges whose run is superseded (%o: %s)", (run, expected) => {
  expect(isSuperseded(self, run, { ...own, incarnation: self.incarnation })).toBe(expected);
  expect(isSuperseded(self, run, { ...own, incarnation: "2".repeat(32) as Incarnation })).toBe(false);
  expect(isSuperseded(self, run, undefined)).toBe(false);
  const { past } = new World();
  const listens = (kind: "append" | "join" | "api-question") =>
    past.listensTo(self, run, kind, { ...own, incarnation: self.incarnation });
  expect([listens("append"), listens("join"), listens("api-question")]).toEqual([!expected, true, true]);
  past.heard({ from: self, session: 6, start: 600, isRetained: false, quotes: undefined });
  expect([listens("append"), listens("join"), listens("api-question")]).toEqual([false, false, true]);
});
