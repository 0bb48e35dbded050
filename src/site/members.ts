// Who belongs to the site, how far each is counted, and where removed ones stopped (PROTOCOLS, "Joining, incarnations,
// bootstrap" and "Counting each reading once": entry `member`).
//
// An origin that was removed never returns. Its place in the count is kept, so that a new incarnation which still has the old
// readings goes on exactly there, once: a second claimant would count them twice, and is refused.

import { decode, encode } from "../base/cbor.ts";
import { type DeviceId, type Incarnation, isIncarnation, isMemberKey, type MemberKey, memberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { type LogIndex, logIndex } from "../base/units.ts";
import type { WindowKey } from "../readings/types.ts";
import type { CellSource } from "./cells.ts";
import { unpackKey } from "./fold-codec.ts";
import { type Refusal, refused } from "./refusals.ts";
import type { Cell, JoinRequest } from "./types.ts";

export interface SiteMember {
  readonly device: DeviceId;
  readonly incarnation: Incarnation;
  /** Start counter that it announced last, and what it drew at that start. */
  readonly session: number;
  readonly start: number;
  readonly version: string;
  /** The entry that made this incarnation a member. */
  readonly joinedAt: LogIndex;
}

interface Position {
  /** Last number counted. */
  counted: number;
  /** Last number known to be taken. Invariant: counted <= stored. */
  stored: number;
}

interface Gone extends Position {
  heir: Incarnation | undefined;
  /** Grows with each removal; the lowest is dropped first. */
  readonly order: number;
  /** The windows in which `stored − counted` was reported as missing. */
  reported: readonly WindowKey[];
}

/** An origin that stopped with so many taken readings uncounted, and the windows that say so. */
export interface EndedOrigin {
  readonly origin: MemberKey;
  /** Where its count stopped; the numbers after it are those that were destroyed. */
  readonly counted: number;
  readonly destroyed: number;
  readonly reported: readonly WindowKey[];
}

/** What a change of the table means for the windows. */
export interface MembershipChange {
  /** Nobody can count their readings any more, unless an heir turns up. */
  readonly ended: readonly EndedOrigin[];
  /** Thought destroyed, but an heir still has the readings. */
  readonly resumed: readonly EndedOrigin[];
}

export const versionLengthMax = 64;

export class Members implements CellSource {
  readonly prefix = "member/";
  readonly #touch: (key: string) => void;
  readonly #members = new Map<DeviceId, SiteMember & Position>();
  /** The same ones: who is asked for is nearly always asked for by origin. */
  readonly #origins = new Map<MemberKey, SiteMember & Position>();
  readonly #gone = new Map<MemberKey, Gone>();
  #order = 0;

  constructor(touch: (key: string) => void) {
    this.#touch = touch;
  }

  get all(): ReadonlyMap<DeviceId, SiteMember> {
    return this.#members;
  }

  get goneCount(): number {
    return this.#gone.size;
  }

  /** The current member that is this origin. */
  isMember(origin: MemberKey): boolean {
    return this.#position(origin) !== undefined;
  }

  isGone(origin: MemberKey): boolean {
    return this.#gone.has(origin);
  }

  /** Last number counted, also of an origin that was removed; undefined: never heard of, or long forgotten. */
  counted(origin: MemberKey): number | undefined {
    return (this.#position(origin) ?? this.#gone.get(origin))?.counted;
  }

  stored(origin: MemberKey): number | undefined {
    return (this.#position(origin) ?? this.#gone.get(origin))?.stored;
  }

  move(origin: MemberKey, to: number, stored: number): void {
    const position = this.#position(origin);
    if (position === undefined) return;
    position.counted = to;
    position.stored = Math.max(position.stored, stored, to);
    this.#touch(this.prefix + position.device);
  }

  /** Why these joins cannot all be; undefined: they can. */
  refusal(joins: readonly JoinRequest[]): Refusal | undefined {
    const devices = new Set(joins.map((join) => join.device));
    if (devices.size !== joins.length) return refused("malformed", "One device joins twice in one entry");
    const newcomers = joins.filter((join) => !this.#members.has(join.device)).length;
    if (this.#members.size + newcomers > limits.members) {
      return refused("site-full", `The site has ${this.#members.size} members; at most ${limits.members} are possible`);
    }
    for (const join of joins) {
      const refusal = this.#refusalOf(join);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** Carries out joins that `refusal` found possible. */
  join(joins: readonly JoinRequest[], index: LogIndex): MembershipChange {
    const ended: EndedOrigin[] = [];
    const resumed: EndedOrigin[] = [];
    for (const { device, incarnation, session, start, version, was } of joins) {
      const known = this.#members.get(device);
      this.#touch(this.prefix + device);
      if (known?.incarnation === incarnation) {
        this.#put({ ...known, session, start, version });
        continue;
      }
      const inherited = this.#ancestorOf({ device, was });
      const ancestor = inherited === undefined ? undefined : (this.#position(inherited) ?? this.#gone.get(inherited));
      if (inherited !== undefined && this.#gone.has(inherited)) resumed.push(this.#endedOrigin(inherited));
      if (known !== undefined) {
        this.#end(known);
        if (memberKey(known) !== inherited) ended.push(this.#endedOrigin(memberKey(known)));
      }
      if (inherited !== undefined) this.#setHeir(inherited, incarnation);
      const { counted, stored } = ancestor ?? { counted: 0, stored: 0 };
      this.#put({ device, incarnation, session, start, version, joinedAt: index, counted, stored });
    }
    return { ended, resumed };
  }

  /** Remembers where destroyed readings were reported, in case an heir turns up. */
  report(origin: MemberKey, reported: readonly WindowKey[]): void {
    const gone = this.#gone.get(origin);
    if (gone === undefined) return;
    gone.reported = reported;
    this.#touch(goneKey(origin));
  }

  /** Undefined where the device is no member. */
  remove(device: DeviceId): MembershipChange | undefined {
    const known = this.#members.get(device);
    if (known === undefined) return undefined;
    this.#end(known);
    this.#members.delete(device);
    this.#origins.delete(memberKey(known));
    this.#touch(this.prefix + device);
    return { ended: [this.#endedOrigin(memberKey(known))], resumed: [] };
  }

  read(key: string): Uint8Array | undefined {
    const member = this.#members.get(key.slice(this.prefix.length) as DeviceId);
    if (member === undefined) return undefined;
    const { incarnation, session, start, version, joinedAt, counted, stored } = member;
    return encode([incarnation, session, start, version, joinedAt, counted, stored]);
  }

  load({ key, value }: Cell): boolean {
    const device = key.slice(this.prefix.length) as DeviceId;
    const fields = new Fields(decode(value), 7);
    const member = {
      device,
      incarnation: fields.matching(isIncarnation),
      session: fields.count(),
      start: fields.count(),
      version: fields.text(versionLengthMax),
      joinedAt: logIndex(fields.count()),
      counted: fields.count(),
      stored: fields.count(),
    };
    if (fields.finish(member) === undefined) return false;
    this.#put(member);
    return true;
  }

  /** The cells of removed origins, under a prefix of their own. */
  readonly gone: CellSource = {
    prefix: goneKey(""),
    read: (key) => {
      const gone = this.#gone.get(originOf(key));
      if (gone === undefined) return undefined;
      const reported = gone.reported.map(({ aggregation, group, start }) => [aggregation, group, start]);
      return encode([gone.counted, gone.stored, gone.heir ?? null, gone.order, reported]);
    },
    load: ({ key, value }) => {
      const fields = new Fields(decode(value), 5);
      const gone: Gone = {
        counted: fields.count(),
        stored: fields.count(),
        heir: fields.optional((each) => each.matching(isIncarnation)),
        order: fields.count(),
        reported: fields.list(limits.aggregations, unpackKey),
      };
      if (fields.finish(gone) === undefined || !isMemberKey(originOf(key))) return false;
      this.#gone.set(originOf(key), gone);
      this.#order = Math.max(this.#order, gone.order);
      return true;
    },
  };

  #refusalOf({ device, incarnation, session, start, was }: JoinRequest): Refusal | undefined {
    const origin = memberKey({ device, incarnation });
    if (this.#gone.has(origin)) return refused("gone-origin", `${origin} was removed; it needs a new incarnation`);
    const known = this.#members.get(device);
    if (known?.incarnation === incarnation) {
      if (session > known.session || (session === known.session && start === known.start)) return undefined;
      const detail = `${device} has started ${known.session} times, and this join is of another start, number ${session}`;
      return refused("stale-session", detail);
    }
    const inherited = this.#ancestorOf({ device, was });
    const heir = inherited === undefined ? undefined : this.#gone.get(inherited)?.heir;
    if (heir === undefined) return undefined;
    return refused("heir-exists", `The readings of ${inherited} are already counted on by ${device}@${heir}`);
  }

  /** The newest earlier incarnation that is known here. */
  #ancestorOf({ device, was }: Pick<JoinRequest, "device" | "was">): MemberKey | undefined {
    return was
      .map((earlier) => memberKey({ device, incarnation: earlier }))
      .find((origin) => this.#position(origin) !== undefined || this.#gone.has(origin));
  }

  #position(origin: MemberKey): (SiteMember & Position) | undefined {
    return this.#origins.get(origin);
  }

  /** In the place of what the device was before. */
  #put(member: SiteMember & Position): void {
    const before = this.#members.get(member.device);
    if (before !== undefined) this.#origins.delete(memberKey(before));
    this.#members.set(member.device, member);
    this.#origins.set(memberKey(member), member);
  }

  #endedOrigin(origin: MemberKey): EndedOrigin {
    const { stored, counted, reported } = this.#gone.get(origin) ?? { stored: 0, counted: 0, reported: [] };
    return { origin, counted, destroyed: stored - counted, reported };
  }

  #setHeir(origin: MemberKey, heir: Incarnation): void {
    const gone = this.#gone.get(origin);
    if (gone === undefined) return;
    gone.heir = heir;
    gone.reported = [];
    this.#touch(goneKey(origin));
  }

  #end(member: SiteMember & Position): void {
    const origin = memberKey(member);
    this.#order += 1;
    const { counted, stored } = member;
    this.#gone.set(origin, { counted, stored, heir: undefined, order: this.#order, reported: [] });
    this.#touch(goneKey(origin));
    if (this.#gone.size > limits.goneOrigins) this.#dropOldestGone();
  }

  #dropOldestGone(): void {
    let oldest: MemberKey | undefined;
    let order = Number.POSITIVE_INFINITY;
    for (const [origin, gone] of this.#gone) {
      if (gone.order >= order) continue;
      oldest = origin;
      order = gone.order;
    }
    if (oldest === undefined) return;
    this.#gone.delete(oldest);
    this.#touch(goneKey(oldest));
  }
}

function goneKey(origin: string): string {
  return `gone/${origin}`;
}

function originOf(key: string): MemberKey {
  return key.slice("gone/".length) as MemberKey;
}
