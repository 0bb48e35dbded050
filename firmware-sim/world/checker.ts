// What every checker of the world is told. A checker believes nobody: it keeps its own books of what it was told, and compares.
//
// One invariant each, one file each, with the source of the rule and a system that breaks it (test/mutants, or a directed test).

import type { MemberKey } from "../../src/base/ids.ts";
import type { LogPosition } from "../../src/base/ports/log-file.ts";
import type { Instant, LogIndex } from "../../src/base/units.ts";
import type { Entry, RaftEffect, RaftEvent, RaftInitial, RaftMessage } from "../../src/raft/types.ts";
import type { WatchedReplica } from "../../src/replica/contract.ts";
import type { Applied } from "../../src/site/types.ts";

/** A promise is broken. Ends the run; `checker` is the name under which reports and mutants know it. */
export class Violation extends Error {
  readonly checker: string;

  constructor(checker: string, detail: string) {
    super(`${checker}: ${detail}`);
    this.name = "Violation";
    this.checker = checker;
  }
}

/** One life of one device: from a start of its agent (or of a new incarnation) to the power cut, the stop or the next life. */
export interface WatchedLife {
  /** Number of this life in the world: 1, 2, 3 … */
  readonly number: number;
  /** The machine that runs it; a copy of a card runs on another one than the original. */
  readonly machine: string;
  /** Names the card, also when it is moved into another machine; a wiped card gets another name. */
  readonly card: string;
  readonly self: MemberKey;
  readonly replica: WatchedReplica;
  /**
   * Which founding of the site the log on its card belongs to, as the card's identity says; 1 while it has heard of none. Terms and
   * indexes are compared within a generation only (PROTOCOLS, "Who is who").
   */
  generation(): number;
}

/** A record that a card keeps through any power cut from now on: its sync has returned. */
export interface SyncedRecord {
  readonly card: string;
  /** `raft` or `readings`. */
  readonly log: string;
  readonly position: LogPosition;
  /** Not to be changed, nor kept without a copy. */
  readonly payload: Uint8Array;
}

/** A publish that a broker outside the site (the uplink) accepted, in the order of acceptance. */
export interface UplinkPublish {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly qos: 0 | 1;
  readonly clientId: string;
}

/** A sensor handed out a value; values are unique whole numbers in a world, so that sums tell readings apart. */
export interface SensedValue {
  readonly machine: string;
  readonly card: string;
  readonly sensor: string;
  readonly value: number;
}

/**
 * What a client of the site's API did; a time-out's outcome is unknown. Told once, when it was answered or given up, and in any
 * case before `healed`. Of one key each write has another value.
 */
export interface ClientOperation {
  readonly client: string;
  readonly kind: "write" | "read";
  readonly called: Instant;
  /** Undefined: it has not been answered, and perhaps never will. */
  readonly returned: Instant | undefined;
  /** `done`: it took effect between `called` and `returned`. `refused`: it never did. `unknown`: perhaps, at any time after `called`. */
  readonly outcome: "done" | "refused" | "unknown";
  /** What was written or read: the value of the register `key`. Undefined where it had none. */
  readonly key: string;
  readonly value: string | undefined;
}

/** True time, which no device knows, and what may be asked of the world. */
export interface CheckedWorld {
  readonly now: Instant;
  /** The lives that go on now. */
  readonly lives: () => Iterable<WatchedLife>;
  /** Events that are still to come. */
  readonly pendingEvents: () => number;
}

/** Every method may be left out. All are called synchronously, in the order in which things happen. */
export interface Checker {
  /** As in reports. */
  readonly name: string;
  lifeBegan?(life: WatchedLife, initial: RaftInitial): void;
  /** Power cut, stop, or replaced by a new incarnation. */
  lifeEnded?(life: WatchedLife): void;
  /** The core handled `event`; no effect is carried out yet. */
  stepped?(life: WatchedLife, event: RaftEvent, effects: readonly RaftEffect[]): void;
  /** `outcome` is absent for entries that are Raft's own. `life.replica.state` is the state after it. */
  applied?(life: WatchedLife, entry: Entry, outcome: Applied | undefined): void;
  /** The state came from a snapshot; `life.replica` shows it. */
  replaced?(life: WatchedLife): void;
  /**
   * The site was recovered (docs/recovery.md): `life.replica` shows what a survivor knew to be agreed, up to `committed`, and takes on
   * what is adopted, told next. No log has these entries.
   */
  generationBegan?(life: WatchedLife, committed: LogIndex): void;
  /** As `applied`, by nobody: part of what the next generation begins with. */
  adopted?(life: WatchedLife, entry: Entry, outcome: Applied | undefined): void;
  synced?(record: SyncedRecord): void;
  /** A device opens a log, and finds this record there: one of those synced, or one that a power cut left whole all the same. */
  recovered?(record: SyncedRecord): void;
  /**
   * A Raft message leaves the device, as the twin of its link sees it: decoded from the frame that a connected link was given, once
   * for each broker. `to` absent: everyone, on the log topic.
   */
  said?(from: MemberKey, machine: string, message: RaftMessage, to: MemberKey | undefined): void;
  sensed?(value: SensedValue): void;
  /** The card lost what it held, or went back to what it held before: wiped, damaged so that its device gave it up, overwritten by a backup or by `recover`. */
  cardLost?(card: string, what: LostFromCard): void;
  /** From now on `copy` holds what `card` holds at this moment; a backup is a card, too. */
  cardCopied?(card: string, copy: string): void;
  /** A connected link to a broker outside the site was given something to publish. */
  published?(machine: string): void;
  /** `machine` published it, however long ago. */
  uplink?(publish: UplinkPublish, machine: string): void;
  operation?(operation: ClientOperation): void;
  /** The site was recovered, and goes on with this value of the register: what was acknowledged after it may be lost. */
  fellBack?(key: string, value: string): void;
  /** What an agent wrote into its log, not below `info`; `process ended`, with `why`, where it ended by itself. */
  logged?(machine: string, event: string, fields: object): void;
  /** A fault of a plan began to act, or was over. */
  fault?(kind: string, isOn: boolean): void;
  /** Once each virtual second. */
  second?(): void;
  /**
   * Faults are over and sensors give no values: what has the site still to do? Asked again and again until nothing is left, or
   * until the bound of the healing phase has passed, which breaks the promise. Undefined: nothing.
   */
  waitsFor?(): string | undefined;
  /** After that: what must hold now? */
  healed?(): void;
}

/** `agreement`: its readings are still there. `readings`: a record of them rotted; the rest is there, and given up with them. */
export type LostFromCard = "everything" | "agreement" | "readings";

export type CheckerOf = (world: CheckedWorld) => Checker;
