// Is this run the newest, and the only one, of its data directory? (PROTOCOLS, "Losing its past"; RAFT-CASES 11, 50.)
//
// Problem: a card that is copied or written back starts with an incarnation that has promised more than the card knows. Idea:
// each start has a session, which only rises, and a number drawn at random. Whoever hears its own incarnation with a session
// that is not below its own, and another start, knows for certain that another run came from the same directory; nothing that a
// frozen broker delivers can look so. Whether that run still lives is asked: only one that lives can quote the number drawn here.
//
//   lives         two copies run: both fall silent for good, and a person decides by stopping one and restarting the other
//   is silent     this card went back: what was promised since is forgotten here, so a new incarnation is made
//
// A card that comes back listens for a moment before it votes: its past may speak, and so may a coordinator that knows better.

import type { Incarnation, Member } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import { between, type Duration, type Instant, milliseconds, seconds } from "../base/units.ts";
import type { HeardOwnName } from "../mqtt/frame-reader.ts";
import type { MessageKind } from "../mqtt/messages.ts";

/** One run of a data directory. */
export interface Run {
  readonly session: number;
  readonly start: number;
}

/** As the member table says it. */
type KnownRun = Run & { readonly incarnation: Incarnation };

/**
 * The member table knows a later run of this incarnation: what an earlier one says is late, or said from a card that was written
 * back, and must not be counted. Each counter judges by its own table, as it judges who is a voter.
 */
export function isSuperseded({ incarnation }: Member, run: Run, known: KnownRun | undefined): boolean {
  if (known?.incarnation !== incarnation || known.session < run.session) return false;
  return known.session > run.session || known.start !== run.start;
}

export interface OwnPastDoor {
  /** "I live, and have heard you": said to the other run, wherever it is. */
  answer(heard: Run): void;
  /** Nothing is said, heard or led any more, until `goOn`, a new incarnation or a restart. */
  fallSilent(why: string): void;
  goOn(): void;
  /** Nobody else decides for the site: a new incarnation would end it. */
  isOnlyVoter(): boolean;
  /** Another incarnation of this device is heard: a copy that a serial told. The coordinator decides; a person should know. */
  heardCopy(text: string): void;
  renew(why: string): void;
}

export interface OwnPastOptions extends Run {
  readonly self: Member;
  /** The directory was here before this start; a new incarnation has no past that could be copied. */
  readonly isReturning: boolean;
  /** From the first broker on. */
  readonly listenFor: Duration;
}

const ownEchoes = seconds(10);
const askEvery = milliseconds(500);
const asksMax = 6;
/** Of evidence that the only voter has dismissed; with more it looks at them once more. */
const dismissedMax = 64;
/** One run is answered so often at most: the two must not talk each other hot. */
const answerEvery = milliseconds(400);

export class OwnPast {
  readonly #clock: Clock;
  readonly #options: OwnPastOptions;
  readonly #door: OwnPastDoor;
  readonly #startedAt: Instant;
  #isListening: boolean;
  #listening: Timer | undefined;
  #suspicion: { readonly why: string; readonly other: Run; timer: Timer; asked: number } | undefined;
  /** Dismissed once, by the only voter: the same evidence does not stop it again. */
  readonly #dismissed = new Set<number>();
  #cutOff: string | undefined;
  #answered: { readonly start: number; readonly at: Instant } | undefined;

  constructor(clock: Clock, options: OwnPastOptions, door: OwnPastDoor) {
    this.#clock = clock;
    this.#options = options;
    this.#door = door;
    this.#isListening = options.isReturning;
    this.#startedAt = clock.now();
  }

  /** It may vote and lead: it has listened, and nothing speaks against it. */
  get isTrusted(): boolean {
    return !this.#isListening && !this.isSilent;
  }

  get isSilent(): boolean {
    return this.#cutOff !== undefined || this.#suspicion !== undefined;
  }

  /** Why it takes no part, in words; undefined: it does. */
  get why(): string | undefined {
    return this.#cutOff ?? this.#suspicion?.why;
  }

  /** A broker is there. `trusted` is called once, when this run has listened for long enough. */
  connected(trusted: () => void): void {
    if (!this.#isListening || this.#listening !== undefined) return;
    this.#listening = this.#clock.after(this.#options.listenFor, "listen to the own past", () => {
      this.#isListening = false;
      if (this.isTrusted) trusted();
    });
  }

  /** People are answered always; a run that the member table knows better is only told so, when it asks to join. */
  listensTo(from: Member, run: Run, kind: MessageKind, known: KnownRun | undefined): boolean {
    if (kind === "api-question") return true;
    if (this.isSilent) return false;
    return kind === "join" || !isSuperseded(from, run, known);
  }

  /** A frame under the own name that this run did not send. */
  heard(other: HeardOwnName): void {
    const { self } = this.#options;
    if (other.from.incarnation !== self.incarnation) {
      // What an earlier life of this device said may still be on its way for a moment.
      if (between(this.#startedAt, this.#clock.now()) < ownEchoes) return;
      const copy = `incarnation ${other.from.incarnation}, session ${other.session}`;
      this.#door.heardCopy(`another copy of ${self.device} (${copy}) is running; stop one of the two`);
      return;
    }
    const { session, start } = this.#options;
    if (other.quotes?.session === session && other.quotes.start === start) this.#foundAlive(other);
    if (!other.isRetained) this.#answer(other);
    this.known(other, `session ${other.session} of this device was heard`);
  }

  /** Of this incarnation somebody knows such a run: the member table, a coordinator, a broker. */
  known(other: Run, how: string): void {
    const { session, start } = this.#options;
    const isNewer = other.session > session || (other.session === session && other.start !== start);
    if (!isNewer || this.isSilent || this.#dismissed.has(other.start)) return;
    this.suspect(
      other,
      `${how}, and this is session ${session}: the card was copied, or an older state was written back`,
    );
  }

  /** What this card holds cannot be all that it has promised. */
  suspect(other: Run, why: string): void {
    if (this.isSilent) return;
    this.#suspicion = { why, other, timer: this.#later(), asked: 0 };
    this.#door.fallSilent(why);
    this.#door.answer(other);
  }

  stop(): void {
    this.#listening?.cancel();
    this.#suspicion?.timer.cancel();
  }

  #later(): Timer {
    return this.#clock.after(askEvery, "ask for another copy", () => this.#askAgain());
  }

  #askAgain(): void {
    const suspicion = this.#suspicion;
    if (suspicion === undefined) return;
    suspicion.asked += 1;
    if (suspicion.asked < asksMax) {
      suspicion.timer = this.#later();
      this.#door.answer(suspicion.other);
    } else if (this.#door.isOnlyVoter()) {
      this.#suspicion = undefined;
      if (this.#dismissed.size >= dismissedMax) this.#dismissed.clear();
      this.#dismissed.add(suspicion.other.start);
      this.#isListening = false;
      this.#door.goOn();
    } else this.#door.renew(suspicion.why);
  }

  #foundAlive(other: Run): void {
    if (this.#cutOff !== undefined) return;
    const { self, session } = this.#options;
    this.#suspicion?.timer.cancel();
    this.#suspicion = undefined;
    this.#cutOff =
      `two copies of ${self.device} run (here session ${session}, elsewhere session ${other.session}): both are cut off; ` +
      "stop one of the two for good, then restart the other";
    this.#door.fallSilent(this.#cutOff);
  }

  #answer({ session, start }: Run): void {
    const now = this.#clock.now();
    const last = this.#answered;
    if (last?.start === start && between(last.at, now) < answerEvery) return;
    this.#answered = { start, at: now };
    this.#door.answer({ session, start });
  }
}
