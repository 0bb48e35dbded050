// What a coordinator commits all day: `count` entries. Each of these moves three origins on and adds their readings, merged, to
// one window; it takes about 200 bytes.

import {
  type DeviceId,
  deviceId,
  type Generation,
  type MemberKey,
  memberKey,
  memberOf,
  type SensorId,
  type SiteId,
  sensorId,
} from "../../src/base/ids.ts";
import { seconds } from "../../src/base/units.ts";
import { fold } from "../../src/readings/fold.ts";
import type { CountMove } from "../../src/readings/types.ts";
import { encodeProposal } from "../../src/site/command-codec.ts";
import type { SensorConfiguration } from "../../src/site/configuration.ts";
import { defaultConfiguration } from "../../src/site/configuration-defaults.ts";
import { diffConfiguration } from "../../src/site/configuration-diff.ts";
import type { Command } from "../../src/site/types.ts";
import type { SiteMember } from "./site-member.ts";

/** Members of the table that never speak: the other origins. */
const silentDevices = ["silent-1", "silent-2"].map(deviceId);

function originsOf(leader: SiteMember): readonly MemberKey[] {
  const { incarnation } = memberOf(leader.key);
  return [leader.key, ...silentDevices.map((device) => memberKey({ device, incarnation }))];
}

const sensorOf = (device: DeviceId): SensorId => sensorId(`${device}-t`);

/** Founds the site and gives it sensors to count readings of. */
export async function foundSite(leader: SiteMember, site: SiteId, generation: Generation): Promise<void> {
  await leader.commit({ kind: "found", site, generation });
  const members = originsOf(leader).map(memberOf);
  const joins = members.map((member) => ({ ...member, session: 1, start: 1, was: [], version: "bench" }));
  await leader.commit({ kind: "join", joins });
  const sensors = members.map(({ device }): [SensorId, SensorConfiguration] => [
    sensorOf(device),
    {
      device,
      driver: { kind: "simulated", profile: "bench" },
      quantity: "temperature",
      unit: "°C",
      interval: seconds(1),
      range: undefined,
      stuckAfter: undefined,
      labels: {},
    },
  ]);
  const changes = diffConfiguration(defaultConfiguration, {
    ...defaultConfiguration,
    devices: new Map(members.map(({ device }) => [device, { zone: undefined, power: "mains", labels: {} }])),
    sensors: new Map(sensors),
  });
  await leader.commit({ kind: "configure", base: leader.replica.state.revision, changes, author: "bench", note: "" });
}

export class CountCommands {
  readonly #leader: SiteMember;
  readonly #origins: readonly MemberKey[];
  /** Every origin stands here. */
  #counted = 0;

  constructor(leader: SiteMember) {
    this.#leader = leader;
    this.#origins = originsOf(leader);
  }

  /** The next one; they must be committed in this order, and by one leader. */
  next(): Command {
    const { definitions } = this.#leader.replica.state;
    const from = this.#counted;
    const to = from + 1;
    this.#counted = to;
    const { device } = memberOf(this.#leader.key);
    const value = 20 + (from % 16) / 8;
    const reading = {
      number: to,
      sensor: sensorOf(device),
      stamp: this.#leader.siteClock.forEntry(),
      value,
      quality: 0,
    };
    const { parts, stampMax, check } = fold([reading], definitions, device);
    const moves: CountMove[] = this.#origins.map((origin) => ({ origin, from, to, check, stored: to }));
    return {
      kind: "count",
      revision: definitions.revision,
      moves,
      stampMax,
      parts: parts.map((part) => ({ ...part, origins: [] })),
    };
  }

  /** Of a command as it stands in the log; does not use one up. */
  bytes(): number {
    const before = this.#counted;
    const { length } = encodeProposal({ client: undefined, command: this.next() });
    this.#counted = before;
    return length;
  }
}
