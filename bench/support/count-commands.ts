// What a site commits all day: `count` entries of about 200 bytes, each of which moves one origin on and adds to windows.

import { type Generation, type MemberKey, memberOf, type SiteId, sensorId } from "../../src/base/ids.ts";
import { seconds } from "../../src/base/units.ts";
import { fold } from "../../src/readings/fold.ts";
import { encodeProposal } from "../../src/site/command-codec.ts";
import type { SensorConfiguration } from "../../src/site/configuration.ts";
import { defaultConfiguration } from "../../src/site/configuration-defaults.ts";
import { diffConfiguration } from "../../src/site/configuration-diff.ts";
import type { Command } from "../../src/site/types.ts";
import type { SiteMember } from "./site-member.ts";

/** Each quantity is a group of its own, and so a part of each entry. */
const quantities = ["temperature", "humidity", "pressure"];

/** Founds the site and gives the leader sensors to count readings of. */
export async function foundSite(leader: SiteMember, site: SiteId, generation: Generation): Promise<void> {
  await leader.commit({ kind: "found", site, generation });
  const { device, incarnation } = memberOf(leader.key);
  const join = { device, incarnation, session: 1, was: undefined, version: "bench" };
  await leader.commit({ kind: "join", joins: [join] });
  const sensors = quantities.map((quantity): [ReturnType<typeof sensorId>, SensorConfiguration] => [
    sensorId(quantity),
    {
      device,
      driver: { kind: "simulated", profile: "bench" },
      quantity,
      unit: "1",
      interval: seconds(1),
      range: undefined,
      stuckAfter: undefined,
      labels: {},
    },
  ]);
  const changes = diffConfiguration(defaultConfiguration, {
    ...defaultConfiguration,
    devices: new Map([[device, { zone: undefined, labels: {} }]]),
    sensors: new Map(sensors),
  });
  await leader.commit({ kind: "configure", base: leader.replica.state.revision, changes, author: "bench", note: "" });
}

export class CountCommands {
  readonly #leader: SiteMember;
  readonly #origin: MemberKey;
  #counted: number;

  constructor(leader: SiteMember) {
    this.#leader = leader;
    this.#origin = leader.key;
    this.#counted = leader.replica.state.counted(leader.key) ?? 0;
  }

  /** The next one; they must be committed in this order. */
  next(): Command {
    const { definitions } = this.#leader.replica.state;
    const from = this.#counted;
    const to = from + quantities.length;
    this.#counted = to;
    const stamp = this.#leader.siteClock.forEntry();
    const readings = quantities.map((quantity, i) => ({
      number: from + 1 + i,
      sensor: sensorId(quantity),
      stamp,
      value: 20 + ((from / quantities.length) % 8) / 4,
      quality: 0,
    }));
    const { parts, stampMax, check } = fold(readings, definitions, memberOf(this.#origin).device);
    return {
      kind: "count",
      revision: definitions.revision,
      moves: [{ origin: this.#origin, from, to, check, stored: to }],
      stampMax,
      parts: parts.map((part) => ({ ...part, origins: [] })),
    };
  }

  /** Of the next command, as it stands in the log; does not use it up. */
  bytes(): number {
    const before = this.#counted;
    const { length } = encodeProposal({ client: undefined, command: this.next() });
    this.#counted = before;
    return length;
  }
}
