import { describe, expect, it } from "vitest";
import { VoterSight } from "../../src/agent/voter-sight.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import { type Instant, instant } from "../../src/base/units.ts";

const member = `pi-2@${"0".repeat(32)}` as MemberKey;
const at = (second: number): Instant => instant(second * 1000);

/** A member that is looked at each second: here where `isHere` says so. */
class Watched {
  readonly sight = new VoterSight();
  #second = 0;
  session = 1;

  for(span: number, isHere: boolean): this {
    for (let i = 0; i < span; i++) {
      this.sight.look([{ member, session: this.session, isHere }], at(this.#second));
      this.#second += 1;
    }
    return this;
  }

  get isSteady(): boolean {
    return this.sight.isSteady(member, at(this.#second));
  }
}

describe("a member", () => {
  it("is steady after five minutes of the coordinator's own watching", () => {
    const watched = new Watched().for(299, true);
    expect(watched.isSteady).toBe(false);
    expect(watched.for(1, true).isSteady).toBe(true);
  });

  it("that was never here is not", () => {
    expect(new Watched().for(600, false).isSteady).toBe(false);
  });

  it("stays steady through a gap of ten seconds (a broker restarts), and not through one of twelve", () => {
    expect(new Watched().for(300, true).for(9, false).for(1, true).isSteady).toBe(true);
    const watched = new Watched().for(300, true).for(12, false).for(299, true);
    expect(watched.isSteady).toBe(false);
    expect(watched.for(1, true).isSteady).toBe(true);
  });

  it("is not steady after a restart, however short", () => {
    const watched = new Watched().for(300, true);
    watched.session = 2;
    expect(watched.for(299, true).isSteady).toBe(false);
    expect(watched.for(1, true).isSteady).toBe(true);
  });

  it("that flaps must stay twice as long after each break, an hour at most", () => {
    const watched = new Watched();
    const needed: number[] = [];
    for (let flap = 0; flap < 7; flap++) {
      watched.for(300, true).for(20, false);
      let span = 0;
      for (; !watched.isSteady; span++) watched.for(1, true);
      needed.push(Math.round(span / 60));
    }
    expect(needed).toEqual([5, 10, 20, 40, 60, 60, 60]);
  });

  it("that is no member any more is forgotten", () => {
    const watched = new Watched().for(300, true);
    watched.sight.look([], at(400));
    expect(watched.isSteady).toBe(false);
  });
});
