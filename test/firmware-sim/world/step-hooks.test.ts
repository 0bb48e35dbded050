// Faults that must meet a moment.

import { describe, expect, it } from "vitest";
import type { WatchedLife } from "../../../firmware-sim/world/checker.ts";
import { StepHooks, sends } from "../../../firmware-sim/world/step-hooks.ts";
import { deviceId, incarnation, memberKey } from "../../../src/base/ids.ts";
import { instant, siteTime, term } from "../../../src/base/units.ts";
import type { RaftEffect, RaftEvent, RaftMessage } from "../../../src/raft/types.ts";

const tick: RaftEvent = { kind: "tick", now: instant(0), siteTime: siteTime(0) };
const question: RaftMessage = { kind: "read-question", term: term(1), request: 1 };
const answer: RaftMessage = { kind: "read-answer", term: term(1), request: 1, index: undefined };
const sending = (message: RaftMessage): RaftEffect => ({ kind: "send", message });
const self = memberKey({ device: deviceId("pi-1"), incarnation: incarnation(Buffer.alloc(16, 1)) });
const life = { machine: "pi-1" } as WatchedLife;

/** What is done soon is done when the test says so. */
function hooked() {
  const soon: (() => void)[] = [];
  const hooks = new StepHooks((task) => soon.push(task));
  return { hooks, carryOn: () => soon.splice(0).map((task) => task()) };
}

describe("a hook", () => {
  it("acts once, after the first step that it waits for, and not within it", () => {
    const { hooks, carryOn } = hooked();
    const acted: string[] = [];
    hooks.once(sends("read-question"), (step) => acted.push(step.life.machine));
    hooks.stepped(life, tick, [sending(answer)]);
    carryOn();
    expect(acted).toEqual([]);
    hooks.stepped(life, tick, [sending(answer), sending(question)]);
    expect(acted).toEqual([]);
    carryOn();
    hooks.stepped(life, tick, [sending(question)]);
    carryOn();
    expect(acted).toEqual(["pi-1"]);
  });

  it("that nobody waits for any more does nothing, whether for a step or for what is said", () => {
    const { hooks, carryOn } = hooked();
    const acted: string[] = [];
    hooks.once(sends("read-question"), () => acted.push("step"))();
    hooks.onceSaid("read-question", () => acted.push("said"))();
    hooks.stepped(life, tick, [sending(question)]);
    hooks.said(self, "pi-1", question);
    carryOn();
    expect(acted).toEqual([]);
  });

  it("on what is said names the machine that said it, once, though it says it on two brokers", () => {
    const { hooks, carryOn } = hooked();
    const acted: string[] = [];
    hooks.onceSaid("read-question", (machine) => acted.push(machine));
    hooks.said(self, "pi-1", answer);
    hooks.said(self, "pi-2", question);
    hooks.said(self, "pi-2", question);
    carryOn();
    expect(acted).toEqual(["pi-2"]);
  });
});
