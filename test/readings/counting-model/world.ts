// The counting model: a few devices, a hostile log, a hostile network, and people who pull plugs, swap cards and change the
// configuration; then peace, in which the site must converge. One seed, one schedule.

import { SeededRandom } from "../../../firmware-sim/seeded-random.ts";
import { VirtualTime } from "../../../firmware-sim/virtual-clock.ts";
import { type MemberKey, type SensorId, sensorId } from "../../../src/base/ids.ts";
import { between, type Duration, milliseconds, seconds, shift, siteTime } from "../../../src/base/units.ts";
import type { AggregationDefinition, Reading } from "../../../src/readings/types.ts";
import { Checker, Violation } from "./checker.ts";
import type { CountingSite } from "./counting-site.ts";
import { type FreezingRule, freezingRules } from "./freezing-rules.ts";
import { FreezingCard, FreezingStore } from "./freezing-store.ts";
import { type CardCopy, ModelDevice } from "./model-device.ts";
import { ModelLog } from "./model-log.ts";
import { ModelSite } from "./model-site.ts";
import { Card, type Medium, ModelStore, type OpenedStore, type StorePlan } from "./model-store.ts";
import { openRealStore, RealCard } from "./real-store.ts";
import type { Rule } from "./rules.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly broken?: Rule;
  /** Another state machine behind the same door. */
  readonly makeSite?: () => CountingSite;
  /** For a site that adds destroyed readings to `missing`. */
  readonly ignoresMissing?: boolean;
  /** Default: the model's own, of which rules can be removed. */
  readonly store?: "model" | "real" | "freezing";
}

const chaosTime = seconds(40);
const peaceTimeMax = seconds(220);
const windows = [4000, 6000, 12_000] as const;

export class World {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly checker: Checker;
  readonly log = new ModelLog();
  readonly sensors: readonly SensorId[];
  readonly makeSite: () => CountingSite;
  readonly #broken: ReadonlySet<Rule>;
  readonly #devices: readonly ModelDevice[];
  readonly #drawer: { readonly device: ModelDevice; readonly copy: CardCopy }[] = [];
  readonly #values = new Set<number>();
  isSampling = true;
  #isPeace = false;
  /** Nothing commits sooner: the majority is away, or its disks hang. */
  #stalledUntil = 0;
  #failure: Violation | undefined;
  readonly #storeKind: NonNullable<WorldOptions["store"]>;
  readonly #opening: Promise<void>[] = [];

  constructor({ seed, broken, makeSite, store, ignoresMissing }: WorldOptions) {
    this.#storeKind = store ?? "model";
    this.random = new SeededRandom(seed);
    this.#broken = new Set(broken === undefined ? [] : [broken]);
    this.checker = new Checker({
      mayHaveHoles: this.isBroken("number-at-writing"),
      ignoresMissing: ignoresMissing ?? false,
    });
    this.makeSite = makeSite ?? (() => new ModelSite(this.#broken));
    const count = 2 + this.random.below(3);
    this.sensors = Array.from({ length: 2 * count }, (_, place) => sensorId(`s${place >> 1}.${place % 2}`));
    this.#devices = Array.from({ length: count }, (_, place) => new ModelDevice(this, place));
  }

  /** Devices freeze, and the schedules are such as try it. */
  get freezes(): boolean {
    return this.#storeKind === "freezing";
  }

  isBroken(rule: Rule): boolean {
    return this.#broken.has(rule);
  }

  get trueTime(): number {
    return 1_000_000 + this.time.now;
  }

  /** Runs the schedule; undefined: every invariant held, and the site converged. */
  async run(): Promise<Violation | undefined> {
    try {
      for (const device of this.#devices) device.powerOn();
      await this.#advance(milliseconds(0));
      this.#found();
      this.#repeat(60, "commit", () => void (this.time.now >= this.#stalledUntil && this.log.commitNext()));
      this.#repeat(3000, "fault", () => this.#fault());
      this.#repeat(1000, "heartbeat", () => this.#heartbeat());
      await this.#advance(chaosTime);
      return await this.#peace();
    } catch (failure) {
      if (failure instanceof Violation) return failure;
      throw failure;
    }
  }

  /** Something that an honest device noticed. */
  fail(why: string): void {
    this.#failure ??= new Violation("A", why);
  }

  uniqueValue(): number {
    for (;;) {
      const value = 1 + this.random.below(2 ** 31);
      if (this.#values.has(value)) continue;
      this.#values.add(value);
      return value;
    }
  }

  /** Lost, late, repeated: until there is peace. */
  transmit(deliver: () => void): void {
    const { random } = this;
    const send = (delayMax: number): void => {
      this.time.schedule(milliseconds(random.fraction() * delayMax), "message", deliver);
    };
    if (this.#isPeace) send(100);
    else if (random.below(5) > 0) {
      send(random.below(this.freezes ? 5 : 20) === 0 ? 30_000 : 300);
      if (random.below(6) === 0) send(random.below(3) === 0 ? 30_000 : 2000);
    }
  }

  newCard(): Medium {
    const makers = { real: RealCard, model: Card, freezing: FreezingCard };
    return new makers[this.#storeKind]();
  }

  /** `opened` is called before time goes on. */
  openStore(plan: Omit<StorePlan, "random" | "taken">, origin: MemberKey, opened: (store: OpenedStore) => void): void {
    const whole = {
      ...plan,
      random: this.random,
      taken: (readings: readonly Reading[]) => this.checker.taken(origin, readings),
    };
    if (whole.card instanceof FreezingCard) {
      const broken = [...this.#broken].find((rule) => rule in freezingRules) as FreezingRule | undefined;
      const store = new FreezingStore({ ...whole, card: whole.card, broken, checker: this.checker });
      opened({ store, powerCut: () => store.powerCut() });
      return;
    }
    if (whole.card instanceof Card) {
      const store = new ModelStore({ ...whole, card: whole.card, broken: this.#broken });
      opened({ store, powerCut: () => store.powerCut() });
      return;
    }
    this.#opening.push(openRealStore(whole).then(opened));
  }

  async #advance(span: Duration): Promise<void> {
    const until = shift(this.time.now, span);
    do {
      await Promise.all(this.#opening.splice(0));
      while (this.#opening.length === 0 && this.time.runNext(until)) {
        // until a store must be waited for
      }
    } while (this.#opening.length > 0);
    this.time.run(between(this.time.now, until));
  }

  /** Everybody is a member and knows the first definitions. */
  #found(): void {
    const [founder] = this.#devices;
    if (founder === undefined) return;
    this.#elect(founder);
    founder.propose({ kind: "define", aggregations: this.#aggregations(), from: siteTime(0) });
    for (const { origin } of this.#devices) founder.propose({ kind: "join", origin, was: undefined });
  }

  #fault(): void {
    const { random } = this;
    const device = this.#devices[random.below(this.#devices.length)];
    if (device === undefined) return;
    if (random.below(3) === 0) this.#drawer.push({ device, copy: device.copyCard() });
    const kind = random.below(this.freezes ? 19 : 13);
    if (kind <= 3) this.#powerCycle(device);
    else if (kind <= 6) this.#electAnyone();
    else if (kind <= 8) this.#define();
    else if (kind === 9) device.setClock(random.below(3000) - 1500);
    else if (kind === 10) this.#stalledUntil = this.time.now + random.below(6000);
    else if (kind <= 12) this.#newIncarnation(device);
    else if (kind <= 14) this.#cutOff(device);
    else if (kind <= 16) this.#powerCutWhileCutOff(device);
    else this.#swapSoon(device);
  }

  #newIncarnation(device: ModelDevice): void {
    const kind = this.random.below(3);
    const drawn = this.#drawer.find((each) => each.device === device);
    if (kind === 0) device.wipe();
    else if (kind === 1 || drawn === undefined) device.loseState();
    else device.swapCard(drawn.copy);
    this.#powerCycle(device);
  }

  #cutOff(device: ModelDevice, span = milliseconds(this.random.below(15_000))): void {
    device.isCutOff = true;
    this.time.schedule(span, "connected again", () => {
      device.isCutOff = false;
    });
  }

  /** It comes back with what it had, hears nobody, and its card fills; what it sent before may still be on its way. */
  #powerCutWhileCutOff(device: ModelDevice): void {
    device.powerOff();
    device.powerOn();
    this.#cutOff(device, seconds(20));
  }

  /** A copy of its card, made while much on it waited, takes over when some of that has been counted. */
  #swapSoon(device: ModelDevice): void {
    device.isCutOff = true;
    this.time.schedule(seconds(8), "connected again", () => {
      device.isCutOff = false;
      const copy = device.copyCard();
      this.time.schedule(milliseconds(this.random.below(5000)), "swap", () => {
        if (this.#isPeace) return;
        device.swapCard(copy);
        device.powerOn();
      });
    });
  }

  #powerCycle(device: ModelDevice): void {
    device.powerOff();
    this.time.schedule(milliseconds(this.random.below(8000)), "power on", () => device.powerOn());
  }

  #electAnyone(): void {
    const alive = this.#devices.filter((device) => device.isOn && !device.isCutOff);
    const next = alive[this.random.below(alive.length)];
    if (next !== undefined) this.#elect(next);
  }

  #elect(device: ModelDevice): void {
    const reign = this.log.elect(this.#devices.indexOf(device), this.random, device.siteTime());
    device.lead(reign);
    for (const other of this.#devices) {
      if (other === device) continue;
      const delay = milliseconds(this.random.below(this.random.below(4) === 0 ? 5000 : 300));
      this.time.schedule(delay, "hear of it", () => other.hear(device, reign.term));
    }
  }

  /** Where nobody leads, an election follows. */
  #heartbeat(): void {
    const { reign } = this.log;
    const leader = this.#devices.find((device) => device.isLeading(reign));
    if (leader === undefined || reign === undefined) this.#electAnyone();
    else for (const device of this.#devices) this.transmit(() => device.hear(leader, reign.term));
  }

  #define(): void {
    const reign = this.log.reign;
    const leader = reign === undefined ? undefined : this.#devices[reign.device];
    const from = siteTime(this.trueTime - 10_000 + this.random.below(20_000));
    leader?.propose({ kind: "define", aggregations: this.#aggregations(), from });
  }

  /** Each sensor once in `all`, some in `fine`; now and then one lies on another device than before. */
  #aggregations(): AggregationDefinition[] {
    const { random } = this;
    const place = (sensor: SensorId) => {
      const home = random.below(8) === 0 ? random.below(this.#devices.length) : Number(sensor[1]);
      return { device: this.#devices[home]?.device ?? this.#devices[0]?.device, group: `g${random.below(2)}` };
    };
    const places = new Map(this.sensors.map((sensor) => [sensor, place(sensor)] as const));
    return ["all", "fine"].map((name) => ({
      name,
      window: milliseconds(windows[random.below(windows.length)] ?? 4000),
      grace: milliseconds(3000),
      sensors: new Map(
        [...places].flatMap(([sensor, { device, group }]) => {
          const isIn = name === "all" || random.below(2) === 0;
          return isIn && device !== undefined ? [[sensor, { device, group }] as const] : [];
        }),
      ),
    }));
  }

  /** Faults off. */
  async #peace(): Promise<Violation | undefined> {
    this.#isPeace = true;
    for (const device of this.#devices) {
      device.setClock(0);
      device.isCutOff = false;
      device.powerOn();
    }
    await this.#advance(seconds(10));
    this.isSampling = false;
    let why: string | undefined = "nothing was checked";
    for (let waited = 0; waited < peaceTimeMax && why !== undefined; waited += 5000) {
      await this.#advance(seconds(5));
      why = this.#unconverged();
    }
    if (this.#failure !== undefined) return this.#failure;
    return why === undefined ? undefined : new Violation("E", why);
  }

  #unconverged(): string | undefined {
    for (const { site, origin } of this.#devices) {
      if (site === undefined) return "a device is off";
      if (!site.isMember(origin)) return `${origin} is no member`;
      const why = this.checker.unconverged(
        site,
        this.#devices.map((device) => device.origin),
      );
      if (why !== undefined) return why;
    }
    return undefined;
  }

  #repeat(meanInterval: number, name: string, task: () => void): void {
    const next = (): Duration => milliseconds(2 * this.random.fraction() * meanInterval);
    const again = (): void => {
      if (name === "fault" && this.#isPeace) return;
      task();
      this.time.schedule(next(), name, again);
    };
    this.time.schedule(next(), name, again);
  }
}
