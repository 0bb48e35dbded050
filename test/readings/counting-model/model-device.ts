// One device of the counting model: the real fold, sender and gatherer over an abstract card and an abstract replica. What lies on
// the card outlives the process; everything else is gone with the power.

import { VirtualClock } from "../../../firmware-sim/virtual-clock.ts";
import { assert } from "../../../src/base/errors.ts";
import {
  type DeviceId,
  deviceId,
  type Incarnation,
  incarnation,
  type MemberKey,
  memberKey,
} from "../../../src/base/ids.ts";
import { logIndex, milliseconds, type SiteTime, siteTime, type Term, term } from "../../../src/base/units.ts";
import { isAssigned } from "../../../src/readings/fold.ts";
import { Gatherer } from "../../../src/readings/gatherer.ts";
import { PartialSender } from "../../../src/readings/partial-sender.ts";
import { partialBytes } from "../../../src/readings/partial-size.ts";
import type { CountMove, Definitions, FrozenOffer, Partial } from "../../../src/readings/types.ts";
import { quality } from "../../../src/readings/types.ts";
import type { CountingSite, ModelCommand } from "./counting-site.ts";
import { partialReadings } from "./freezing-store.ts";
import { underDefinitions } from "./frozen-partial.ts";
import type { Reign } from "./model-log.ts";
import type { DeviceStore, Medium, OpenedStore } from "./model-store.ts";
import type { World } from "./world.ts";

interface Process {
  readonly clock: VirtualClock;
  readonly site: CountingSite;
  readonly gatherer: Gatherer;
  readonly store: DeviceStore;
  readonly powerCut: () => void;
  readonly sender: PartialSender;
  applied: number;
  isAdmitted: boolean;
  /** As coordinator: what it appends to, and who waits for what it appended. */
  reign: Reign | undefined;
  readonly waiting: Map<ModelCommand, (isApplied: boolean) => void>;
  /** Of each origin, the last number that the gatherer took. */
  readonly kept: Map<MemberKey, number>;
  /** Of the partial that the gatherer looks at. */
  offeredFrom: number;
  leader: ModelDevice | undefined;
  term: Term;
}

/** A copy of a card in a drawer. */
export interface CardCopy {
  readonly card: Medium;
  readonly incarnation: Incarnation;
}

const samplingInterval = 1500;
const flushInterval = 2000;
const grace = 3000;
const noDefinitions: Definitions = { revision: logIndex(0), versions: [] };

export class ModelDevice {
  readonly device: DeviceId;
  readonly #world: World;
  card: Medium;
  #incarnation: Incarnation;
  /** Whose readings the card came with. */
  #was: Incarnation | undefined;
  /** This incarnation has been a member: it counts its own readings. */
  #wasAdmitted = false;
  #session = 0;
  #process: Process | undefined;
  #clockError = 0;
  #lastStamp = 0;
  /** Before a restart; the replica may come back with less. */
  #appliedOnce = 0;
  /** Nothing reaches it, and nothing of it reaches anybody. */
  isCutOff = false;

  constructor(world: World, place: number) {
    this.#world = world;
    this.card = world.newCard();
    this.device = deviceId(`d${place}`);
    this.#incarnation = incarnation(world.random.bytes(16));
  }

  get isOn(): boolean {
    return this.#process !== undefined;
  }

  get origin(): MemberKey {
    return memberKey({ device: this.device, incarnation: this.#incarnation });
  }

  get site(): CountingSite | undefined {
    return this.#process?.site;
  }

  powerOn(): void {
    if (this.#process !== undefined) return;
    this.#session += 1;
    const clock = new VirtualClock(this.#world.time);
    const origin = this.origin;
    const own = (): Process | undefined => (this.#process?.clock === clock ? this.#process : undefined);
    const plan = {
      clock,
      card: this.card,
      isHeld: this.#was !== undefined,
      session: this.#session,
      device: this.device,
      counted: () => (own()?.isAdmitted ? own()?.site.counted(origin) : undefined),
      definitions: () => own()?.site.definitions() ?? noDefinitions,
    };
    this.#world.openStore(plan, this.origin, (opened) => this.#start(clock, opened));
  }

  #start(clock: VirtualClock, { store, powerCut }: OpenedStore): void {
    const world = this.#world;
    const { random } = world;
    const site = world.makeSite();
    const origin = this.origin;
    const definitions = () => site.definitions();
    const time = () => this.siteTime();
    const gatherer = new Gatherer({
      clock,
      counted: (other) => {
        if (!site.isMember(other) && !world.isBroken("gone-origin")) return undefined;
        return world.isBroken("compare-from") ? process.offeredFrom : site.counted(other);
      },
      definitions,
      siteTime: time,
      propose: (proposal, done) => this.propose({ kind: "count", ...proposal }, done),
      proposeFrozen: (proposal, done) => this.propose({ kind: "count-frozen", ...proposal }, done),
    });
    const sender = new PartialSender(
      {
        clock,
        random,
        store,
        counted: () => (process.isAdmitted ? site.counted(origin) : undefined),
        definitions,
        siteTime: time,
        term: () => process.term,
        send: (partial) => this.#send((leader) => leader.receive(partial)),
        sendFrozen: (offer) => {
          const sent = world.isBroken("frozen-keys") ? underDefinitions(offer, definitions()) : offer;
          return this.#send((leader) => leader.receiveFrozen(sent));
        },
      },
      {
        origin,
        session: this.#session,
        twoCopies: (move) => world.fail(`two copies of ${origin}, says the check of ${move.from}–${move.to}`),
        withinFrozen: (counted, { from, to }) =>
          world.fail(`${origin} is counted up to ${counted}, within ${from}–${to}`),
        failed: (failure) => world.fail(failure.message),
        ...(world.freezes && { partialReadings }),
      },
    );
    const process: Process = {
      clock,
      site,
      gatherer,
      store,
      powerCut,
      sender,
      applied: 0,
      isAdmitted: false,
      reign: undefined,
      waiting: new Map(),
      kept: new Map(),
      offeredFrom: 0,
      leader: undefined,
      term: term(0),
    };
    this.#process = process;
    // Its replica comes back from a checkpoint: some of what it had applied, never more.
    const isRecent = world.freezes && random.below(2) === 0;
    const lost = isRecent ? Math.min(random.below(12), this.#appliedOnce) : random.below(this.#appliedOnce + 1);
    this.applyThrough(this.#appliedOnce - lost);
    sender.start();
    this.#every(samplingInterval, () => this.#sample());
    this.#every(flushInterval, () => store.flush());
    this.#every(2000, () => this.#duties());
    this.#every(400, () => this.applyThrough(this.isCutOff ? 0 : world.log.committed.length));
  }

  powerOff(): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#appliedOnce = process.applied;
    process.clock.stop();
    process.powerCut();
    this.#process = undefined;
  }

  /** Its card is gone, with its key. */
  wipe(): void {
    this.powerOff();
    this.card = this.#world.newCard();
    this.#begin(undefined);
  }

  /** The replica's state is gone or damaged; the readings are not. */
  loseState(): void {
    this.powerOff();
    // One that was never admitted has counted nothing of its own, and goes on naming whose readings it has.
    this.#begin(this.#claim);
  }

  copyCard(): CardCopy {
    return { card: this.card.copy(), incarnation: this.#claim };
  }

  /** The device goes on with a copy of an earlier card; the one in it is thrown away. */
  swapCard({ card, incarnation: was }: CardCopy): void {
    this.powerOff();
    this.card = card.copy();
    this.#begin(was);
  }

  siteTime(): SiteTime {
    this.#lastStamp = Math.max(this.#lastStamp, this.#world.trueTime + this.#clockError);
    return siteTime(Math.round(this.#lastStamp));
  }

  /** Its clock is corrected, or goes wrong. */
  setClock(error: number): void {
    this.#clockError = error;
  }

  /** It hears of a coordinator, perhaps itself. */
  hear(leader: ModelDevice, at: Term): void {
    const process = this.#process;
    if (process === undefined || at < process.term || this.isCutOff) return;
    process.term = at;
    process.leader = leader;
    if (process.reign !== undefined && process.reign.term < at) this.#resign(process);
  }

  lead(reign: Reign): void {
    const process = this.#process;
    assert(process !== undefined, "only a running device is elected");
    this.#resign(process);
    process.reign = reign;
    this.hear(this, reign.term);
  }

  receive(partial: Partial): void {
    const process = this.#process;
    if (process === undefined || this.isCutOff) return;
    // Without the rule: whatever became of it, what was once taken is where the origin has to go on.
    const kept = this.#world.isBroken("forget-in-flight") ? process.kept.get(partial.origin) : undefined;
    if (kept !== undefined && kept !== partial.from) return;
    process.offeredFrom = partial.from;
    const revision = this.#world.isBroken("compare-revision") ? process.site.definitions().revision : partial.revision;
    const answer = process.gatherer.offer({ ...partial, revision }, partialBytes(partial));
    if (answer === "taken") process.kept.set(partial.origin, partial.to);
  }

  receiveFrozen(offer: FrozenOffer): void {
    const process = this.#process;
    if (process === undefined || this.isCutOff) return;
    const { revision } = process.site.definitions();
    const isOfNow = this.#world.checker.frozenUnder(offer.frozen.check) === revision;
    if (isOfNow || !this.#world.isBroken("no-revision")) process.gatherer.offerFrozen(offer);
  }

  isLeading(reign: Reign | undefined): boolean {
    return reign !== undefined && this.#process?.reign === reign;
  }

  propose(command: ModelCommand, done: (isApplied: boolean) => void = () => {}): void {
    const process = this.#process;
    if (process === undefined) return;
    if (process.reign === undefined) {
      process.clock.soon(() => done(false));
      return;
    }
    process.waiting.set(command, done);
    this.#world.log.append(process.reign, this.siteTime(), command);
    const { random } = this.#world;
    if (random.below(10) > 0) return;
    // A time-out says nothing: the entry may commit all the same.
    process.clock.after(milliseconds(random.below(3000)), "time-out", () => {
      if (process.waiting.delete(command)) done(false);
    });
  }

  applyThrough(index: number): void {
    const process = this.#process;
    if (process === undefined) return;
    for (const entry of this.#world.log.committed.slice(process.applied, index)) {
      const isDone = process.site.apply(entry);
      process.applied = entry.index;
      this.#world.checker.applied(process.site, entry, isDone);
      process.waiting.get(entry.command)?.(isDone);
      process.waiting.delete(entry.command);
      for (const move of isDone ? movesOf(entry.command) : []) {
        if (move.origin === this.origin) process.sender.moved(move);
      }
      // All that was committed before its term is applied here.
      if (entry.command.kind === "begin" && process.reign?.term === entry.term) process.gatherer.lead();
    }
    this.#admit(process);
  }

  /** Whose readings these are, to the site. */
  get #claim(): Incarnation {
    return this.#wasAdmitted ? this.#incarnation : (this.#was ?? this.#incarnation);
  }

  #begin(was: Incarnation | undefined): void {
    this.#incarnation = incarnation(this.#world.random.bytes(16));
    this.#was = was;
    this.#wasAdmitted = false;
    this.#appliedOnce = 0;
    if (was !== undefined) this.#world.checker.inherited(this.origin, was, this.card.last);
  }

  #admit(process: Process): void {
    if (process.isAdmitted || !process.site.isMember(this.origin)) return;
    process.isAdmitted = true;
    this.#wasAdmitted = true;
    const counted = process.site.counted(this.origin) ?? 0;
    this.#world.checker.admitted(this.origin, counted);
    process.store.admit(counted);
  }

  #resign(process: Process): void {
    process.gatherer.resign();
    process.kept.clear();
    process.reign = undefined;
    for (const done of process.waiting.values()) done(false);
    process.waiting.clear();
  }

  #send(deliver: (leader: ModelDevice) => void): boolean {
    const leader = this.#process?.leader;
    if (leader === undefined) return false;
    if (!this.isCutOff) this.#world.transmit(() => deliver(leader));
    return true;
  }

  #sample(): void {
    const process = this.#process;
    const { random, isSampling } = this.#world;
    if (process === undefined || !isSampling) return;
    for (const sensor of this.#world.sensors) {
      const lateness = random.below(20) === 0 ? random.below(8000) : 0;
      const stamp = siteTime(this.siteTime() - lateness);
      if (!isAssigned(process.site.definitions(), this.device, sensor, stamp)) continue;
      if (random.below(10) === 0) process.store.add(sensor, 0, quality.missing, stamp);
      else {
        const value = this.#world.uniqueValue();
        this.#world.checker.sampled(value, process.site.definitions().revision);
        process.store.add(sensor, value, 0, stamp);
      }
    }
  }

  #duties(): void {
    const process = this.#process;
    if (process === undefined) return;
    if (process.reign !== undefined) this.propose({ kind: "close", upTo: siteTime(this.siteTime() - grace) });
    if (process.site.isMember(this.origin)) return;
    const isRemoved = process.site.counted(this.origin) !== undefined;
    const claimed = isRemoved ? this.#incarnation : this.#was;
    const isTaken =
      claimed !== undefined && process.site.hasHeir(memberKey({ device: this.device, incarnation: claimed }));
    if (isRemoved || isTaken) {
      // A late message of an incarnation that came to nothing removed it: it goes on as another. Or it is a second claimant:
      // what it has is counted on by another, so it begins with nothing.
      if (isTaken) this.wipe();
      else this.loseState();
      this.powerOn();
      return;
    }
    const { leader } = process;
    if (this.isCutOff) return;
    const command = { kind: "join", origin: this.origin, was: this.#was } as const;
    this.#world.transmit(() => leader?.propose(command));
  }

  #every(interval: number, task: () => void): void {
    const process = this.#process;
    const { random } = this.#world;
    const repeat = (): void => {
      task();
      process?.clock.after(milliseconds(interval * (0.5 + random.fraction())), "model", repeat);
    };
    process?.clock.after(milliseconds(random.fraction() * interval), "model", repeat);
  }
}

function movesOf(command: ModelCommand): readonly CountMove[] {
  if (command.kind === "count") return command.moves;
  return command.kind === "count-frozen" ? [command.move] : [];
}
