import { beforeEach, describe, expect, it } from "vitest";
import { DeviceGate } from "../../firmware-sim/device-gate.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { SignsOfLife } from "../../src/agent/signs-of-life.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { type Instant, milliseconds, minutes, seconds } from "../../src/base/units.ts";

const member = "pi-2@00000000000000000000000000000001" as MemberKey;

/** A member that answers, or not, 5 ms after each question. */
class Member {
  readonly time = new VirtualTime();
  readonly gate = new DeviceGate(this.time, "pi-1");
  questions = 0;
  heard: Instant | undefined;
  answers: (question: number) => boolean = () => false;
  readonly signs = new SignsOfLife(new VirtualClock(this.time, { gate: this.gate }), {
    lastHeard: () => this.heard,
    probe: () => {
      this.questions += 1;
      if (!this.answers(this.questions)) return;
      this.time.schedule(milliseconds(5), "answer", () => {
        this.heard = this.time.now;
      });
    },
  });

  /** What is said of it when it is wanted each second. */
  wanted(times: number): readonly string[] {
    return Array.from({ length: times }, () => {
      const sign = this.signs.of(member);
      this.time.run(seconds(1));
      return sign;
    });
  }
}

describe("signs of life", () => {
  let site: Member;
  beforeEach(() => {
    site = new Member();
  });

  it("are asked for several times before silence counts as absence", () => {
    expect(site.wanted(8)).toEqual([...Array(6).fill("unknown"), "silent", "silent"]);
    expect(site.questions).toBe(16);
  });

  // Story: QoS 0 loses messages. The coordinator asked once, and a copy took the place of a device that lived and whose one
  // answer was lost; what the device had not had counted was lost with it.
  it.each([2, 9, 16])(
    "a living member stays though all answers before this one are lost (answer %i arrives)",
    (first) => {
      site.answers = (question) => question >= first;
      expect(site.wanted(60)).not.toContain("silent");
    },
  );

  it("one that answers is asked no more than it is wanted", () => {
    site.answers = () => true;
    expect(site.wanted(10)).toEqual(["unknown", ...Array(9).fill("alive")]);
    expect(site.questions).toBe(10);
  });

  it("what was heard before the first question says nothing", () => {
    site.heard = site.time.now;
    expect(site.wanted(7).at(-1)).toBe("silent");
  });

  it("one that is heard after its silence is alive", () => {
    expect(site.wanted(7).at(-1)).toBe("silent");
    site.heard = site.time.now;
    site.time.run(milliseconds(1));
    expect(site.signs.of(member)).toBe("alive");
  });

  it("silence does not count for ever", () => {
    expect(site.wanted(7).at(-1)).toBe("silent");
    site.time.run(minutes(1));
    expect(site.signs.of(member)).toBe("unknown");
    expect(site.questions).toBe(17);
  });

  it("a coordinator whose process was suspended does not take its own sleep for their silence", () => {
    expect(site.wanted(1)).toEqual(["unknown"]);
    site.gate.pause();
    site.time.run(seconds(20));
    site.gate.resume();
    expect(site.wanted(2)).toEqual(["unknown", "unknown"]);
  });

  it("asks nobody once it has stopped", () => {
    site.signs.of(member);
    site.signs.stop();
    site.time.run(seconds(20));
    expect(site.questions).toBe(1);
  });

  it("asks about no more members than a site can have", () => {
    for (let i = 0; i < 2 * limits.members; i++) site.signs.of(`pi-${i}@0` as MemberKey);
    site.time.run(seconds(10));
    expect(site.questions).toBe(2 * limits.members + 15 * limits.members);
  });
});
