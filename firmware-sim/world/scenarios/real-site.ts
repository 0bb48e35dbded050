// The real world's numbers (issue of the world, "What it must show", 4): sensors that say something every ten seconds, windows of a
// minute, a power cut of the whole site every day, three days without uplink, and one card that is lost.
//
// Nothing may be lost or counted twice but what the lost card alone held: those readings are named at the end, and so is what each
// card took.

import { type MemberKey, memberOf } from "../../../src/base/ids.ts";
import { type Duration, days, milliseconds, minutes, seconds } from "../../../src/base/units.ts";
import { decodePayload } from "../../../src/readings/reading-codec.ts";
import { quality } from "../../../src/readings/types.ts";
import type { Machine } from "../machine.ts";
import { type Scenario, usualSite } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import type { World } from "../world.ts";

interface Length {
  readonly devices: number;
  readonly days: number;
  /** How many of them without uplink. */
  readonly daysOffline: number;
  /** Of one day: shorter ones have the same in them, closer together. */
  readonly day?: Duration;
}

const realSite = { sensorInterval: seconds(10), window: minutes(1), flushInterval: seconds(10), clients: [] };
/** Of a day: when nobody has power, and for how long; when the card is lost. */
const powerCutAt = 7 / 24;
const powerCutLasts = 1 / 72;
const cardLostAt = 15 / 24;

/** What a card held when it was lost, by number: the sensor, where the reading has a value. */
type Held = ReadonlyMap<number, string>;

export function realSiteFor(name: string, { devices, days: count, daysOffline, day = days(1) }: Length): Scenario {
  const part = (share: number): Duration => milliseconds(Math.round(share * day));
  return {
    name,
    what: `${devices} devices for ${count} days: a power cut a day, ${daysOffline} days without uplink, one card lost (takes long)`,
    site: { ...usualSite, ...realSite, devices },
    play: async (stage) => {
      const { world } = stage;
      await stage.voters(Math.min(5, devices));
      for (let now = 0; now < count; now++) {
        if (now === Math.floor(count / 3)) stage.fault("uplink-away", { lasts: part(daysOffline) });
        await stage.wait(part(powerCutAt));
        stage.fault("site-power-cut", { lasts: part(powerCutLasts) });
        await stage.wait(part(cardLostAt - powerCutAt));
        if (now === Math.floor(count / 2)) await loseCard(stage);
        await stage.wait(part(1 - cardLostAt));
      }
      stage.atTheEnd(() => cardUse(world, count));
    },
  };
}

async function loseCard(stage: Stage): Promise<void> {
  const { world } = stage;
  await stage.coordinator();
  const machine = world.machines.findLast((each) => each.isUp && world.mayLoseCard(each));
  const [member] = machine?.members() ?? [];
  stage.expect("there is a card that may be lost", machine !== undefined && member !== undefined);
  if (machine === undefined || member === undefined) return;
  const held = heldOn(machine);
  machine.cutPower();
  world.loseMember(machine, "everything");
  machine.insert(world.newCard());
  stage.atTheEnd(() => lostWith(world, member, held));
  await stage.wait(minutes(5));
  machine.powerOn();
}

function heldOn({ card }: Machine): Held {
  const held = new Map<number, string>();
  for (const { payload } of card.disk.durableRecords("readings")) {
    const stored = decodePayload(payload);
    if (stored?.kind !== "readings") continue;
    for (const [i, reading] of stored.readings.entries()) {
      if ((reading.quality & quality.missing) === 0) held.set(stored.first + i, reading.sensor);
    }
  }
  return held;
}

/** The readings that were on the lost card alone: those behind the number up to which the site has counted them. */
function lostWith(world: World, member: MemberKey, held: Held): readonly string[] {
  const [life] = world.checkpost.lives();
  const counted = life?.replica.state.counted(member) ?? 0;
  const lost = [...held].filter(([number]) => number > counted);
  const { device } = memberOf(member);
  return [
    `the card of ${device} was lost: ${held.size} readings on it, counted up to number ${counted}; lost ${lost.length}:`,
    ...lost.map(([number, sensor]) => `  ${device} number ${number}, ${sensor}`),
  ];
}

function cardUse({ machines }: World, count: number): readonly string[] {
  const perDay = machines.map(({ name, card }) => {
    const { bytesWritten, syncs } = card.disk.usage;
    return { name, bytes: bytesWritten / count, syncs: syncs / count };
  });
  return [
    "what each card took in a day:",
    ...perDay.map(
      ({ name, bytes, syncs }) => `  ${name.padEnd(8)} ${(bytes / 2 ** 20).toFixed(1)} MiB, ${syncs.toFixed(0)} syncs`,
    ),
  ];
}

export const realWeek = realSiteFor("real-week", { devices: 50, days: 7, daysOffline: 3 });
export const realDays = realSiteFor("real-days", { devices: 7, days: 3, daysOffline: 1 });
