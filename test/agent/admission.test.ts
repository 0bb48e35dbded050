import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { Admission } from "../../src/agent/admission.ts";
import { type DeviceId, deviceId, type Incarnation, type MemberKey, memberKey } from "../../src/base/ids.ts";
import { type Instant, logIndex, milliseconds, seconds, term } from "../../src/base/units.ts";
import type { JoinRequest, RefusalReason } from "../../src/site/types.ts";

const incarnation = (number: number): Incarnation => String(number).padStart(32, "0") as Incarnation;

function request(name: string, of = 1, session = 1, start = session): JoinRequest {
  return { device: deviceId(name), incarnation: incarnation(of), session, start, was: [], version: "1" };
}

const began = { term: term(1), lastIndex: logIndex(1), lastTerm: term(1) };

/** A coordinator `pi-1` that writes down what is asked of it. */
class Coordinator {
  readonly time = new VirtualTime();
  readonly members = new Map<DeviceId, { member: MemberKey; session: number; start: number }>();
  readonly heard = new Map<MemberKey, Instant>();
  readonly voters = new Set<MemberKey>();
  readonly living = new Set<MemberKey>();
  readonly did: string[] = [];
  refusal: RefusalReason | undefined;
  contradiction: string | undefined;
  readonly admission = new Admission(new VirtualClock(this.time), {
    member: (device) => this.members.get(device),
    isSelf: (device) => device === "pi-1",
    contradiction: () => this.contradiction,
    lastHeard: (member) => this.heard.get(member),
    probe: (member) => {
      this.did.push(`probe ${member.slice(0, 4)}`);
      if (!this.living.has(member)) return;
      this.time.schedule(milliseconds(5), "answer", () => this.heard.set(member, this.time.now));
    },
    isVoter: (member) => this.voters.has(member),
    demote: (member) => {
      this.did.push(`demote ${member.slice(0, 4)}`);
      this.voters.delete(member);
    },
    propose: (joins, refused) => {
      this.did.push(`propose ${joins.map(({ device }) => device).join(" ")}`);
      if (this.refusal !== undefined && joins.some(({ device }) => device === "bad")) refused(this.refusal, "no");
    },
    refuse: (to, reason) => this.did.push(`refuse ${to.split("@")[0]} ${reason}`),
  });

  knows(name: string, of: number, session = 1): MemberKey {
    const member = memberKey({ device: deviceId(name), incarnation: incarnation(of) });
    this.members.set(deviceId(name), { member, session, start: session });
    return member;
  }

  /** The device asks every second, as it would. */
  asked(times: number, join: JoinRequest): void {
    for (let i = 0; i < times; i++) {
      this.admission.asked(join, began);
      this.time.run(seconds(1));
    }
  }
}

describe("admission", () => {
  let site: Coordinator;
  beforeEach(() => {
    site = new Coordinator();
  });

  it("puts joins that come together into one entry", () => {
    for (const name of ["pi-2", "pi-3", "pi-4"]) site.admission.asked(request(name), began);
    site.time.run(seconds(1));
    expect(site.did).toEqual(["propose pi-2 pi-3 pi-4"]);
  });

  it("keeps an entry small when a whole factory joins at once", () => {
    for (let i = 2; i < 202; i++) site.admission.asked(request(`pi-${i}`), began);
    site.time.run(seconds(2));
    const sizes = site.did.map((line) => line.split(" ").length - 1);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(200);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64);
  });

  it("does not propose what the table says already", () => {
    site.knows("pi-2", 1, 4);
    site.asked(3, request("pi-2", 1, 4));
    expect(site.did).toEqual([]);
  });

  it("never gives up the coordinator itself for a copy of its card", () => {
    site.voters.add(site.knows("pi-1", 1));
    site.asked(5, request("pi-1", 2));
    expect(new Set(site.did)).toEqual(new Set(["refuse pi-1 id-in-use"]));
  });

  it("asks the old incarnation for a sign of life, and refuses the new one for as long as it comes (a silent learner)", () => {
    site.living.add(site.knows("pi-2", 1));
    site.asked(10, request("pi-2", 2));
    expect(site.did.filter((line) => line.startsWith("refuse")).length).toBeGreaterThan(5);
    expect(site.did.some((line) => line.startsWith("propose"))).toBe(false);
    site.living.clear();
    site.asked(8, request("pi-2", 2));
    expect(site.did.at(-1)).toBe("propose pi-2");
  });

  it("demotes a silent old incarnation that votes before it lets the new one in", () => {
    site.voters.add(site.knows("pi-2", 1));
    site.asked(9, request("pi-2", 2));
    expect(site.did.filter((line) => !line.startsWith("probe"))).toEqual([
      "demote pi-2",
      "propose pi-2",
      "propose pi-2",
    ]);
  });

  it("one that cannot be admitted does not keep the others out, and is told why", () => {
    site.refusal = "heir-exists";
    for (const name of ["pi-2", "bad", "pi-3"]) site.admission.asked(request(name), began);
    site.time.run(seconds(1));
    expect(site.did).toEqual([
      "propose pi-2 bad pi-3",
      "propose pi-2",
      "propose bad",
      "refuse bad heir-exists",
      "propose pi-3",
    ]);
  });

  it("says nothing any more once it has stopped", () => {
    site.admission.asked(request("pi-2"), began);
    site.admission.stop();
    site.time.run(seconds(1));
    expect(site.did).toEqual([]);
  });

  it.each([
    ["a lower session", 3, 3],
    ["the same session, drawn anew", 4, 77],
  ])("tells a run that the table knows a later one of, instead of saying nothing (%s)", (_, session, start) => {
    site.knows("pi-2", 1, 4);
    site.asked(2, request("pi-2", 1, session, start));
    expect(new Set(site.did)).toEqual(new Set(["refuse pi-2 stale-session"]));
  });

  it("refuses a later session whose card holds less than an earlier one promised", () => {
    site.knows("pi-2", 1, 4);
    site.contradiction = "it acknowledged entry 9";
    site.asked(2, request("pi-2", 1, 5));
    expect(new Set(site.did)).toEqual(new Set(["refuse pi-2 went-back"]));
  });
});
