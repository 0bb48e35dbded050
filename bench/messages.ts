// How many messages does the leader publish for a commit, and what do the others and the broker add?
//
// All members live in this process, over an embedded broker that counts. The leader's publishes are counted at its links,
// whatever they are; so heartbeats and repairs are in them, and are shown.

import { join } from "node:path";
import { deviceId, type Generation, siteId } from "../src/base/ids.ts";
import type { MqttLinks } from "../src/base/ports/mqtt-link.ts";
import { EmbeddedBrokers } from "../src/host/embedded-broker.ts";
import { createLogger } from "../src/host/logger.ts";
import { MqttJsLinks } from "../src/host/mqtt-link.ts";
import { SystemClock } from "../src/host/system-clock.ts";
import { systemRandom } from "../src/host/system-random.ts";
import { CountCommands, foundSite } from "./support/count-commands.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { Bench, Judgement, Row } from "./support/report.ts";
import { SiteMember } from "./support/site-member.ts";
import { untilTrue } from "./support/site-processes.ts";

const commits = 500;
const votersMax = 5;
const site = siteId("messages");
const generation: Generation = { number: 1, nonce: "7".repeat(32) };

export const messages: Bench = {
  question: "messages that the leader publishes per commit, for 3, 5 and 50 members",
  run: async (directory) => {
    const before = cpuTimes();
    const rows: Row[] = [];
    const judgements: Judgement[] = [];
    for (const members of [3, 5, 50]) {
      const figures = await measure(join(directory, `${members}`), members);
      const { publishes, heartbeats, unicasts, acknowledgements, deliveries, voters } = figures;
      const values = [publishes, heartbeats, unicasts, acknowledgements, deliveries];
      rows.push({
        name: `${members} members, ${voters} of them voters`,
        values: [voters, ...values.map((count) => count / commits)],
      });
      judgements.push({
        what: `${members} members, published by the leader for a commit (heartbeats apart)`,
        value: (publishes - heartbeats) / commits,
        bound: "limit",
        atMost: 1,
      });
    }
    return {
      title: `for one of ${commits} commits, one after the other`,
      columns: [
        { name: "voters", digits: 0 },
        { name: "by leader", digits: 3 },
        { name: "heartbeats of it", digits: 3 },
        { name: "unicasts of it", digits: 3 },
        { name: "acknowledgements", digits: 2 },
        { name: "broker's deliveries", digits: 2 },
      ],
      rows,
      judgements,
      notes: [
        "A heartbeat goes out only where nothing else did for 250 ms: on a machine that stands still meanwhile.",
        "Deliveries: each append to every member, the leader included, and each acknowledgement to the leader.",
        machineNote(before),
      ],
    };
  },
};

async function measure(directory: string, count: number) {
  const brokers = new EmbeddedBrokers({ log: createLogger({ level: "warn", descriptor: 2 }) });
  const broker = await brokers.start({ host: "127.0.0.1", port: 0 });
  const counting = new CountingLinks();
  const members: SiteMember[] = [];
  for (let i = 1; i <= count; i++) {
    const options = {
      site,
      generation,
      device: deviceId(`m${i}`),
      founds: i === 1,
      brokerUrl: `mqtt://127.0.0.1:${broker.port}`,
      directory: join(directory, `m${i}`),
    };
    members.push(await SiteMember.open(options, i === 1 ? counting : undefined));
  }
  for (const member of members) member.start();
  const [leader] = members;
  if (leader === undefined) throw new Error("a site has a member");
  await untilTrue(() => members.every(({ isConnected }) => isConnected));
  await untilTrue(() => leader.replica.status().hasAuthority);
  await foundSite(leader, site, generation);
  const voters = Math.min(votersMax, count);
  await leader.changeVoters(members.slice(0, voters).map(({ key }) => key));
  const commands = new CountCommands(leader);
  for (let i = 0; i < 100; i++) await leader.commit(commands.next());
  await allApplied(members, leader);

  const acknowledged = (): number =>
    members.reduce((sum, member) => sum + (member.traffic().sent["append-ack"]?.messages ?? 0), 0);
  const start = {
    publishes: counting.publishes,
    said: { ...leader.said },
    acknowledgements: acknowledged(),
    deliveries: broker.statistics().delivered,
  };
  for (let i = 0; i < commits; i++) await leader.commit(commands.next());
  const figures = {
    voters,
    publishes: counting.publishes - start.publishes,
    heartbeats: leader.said.heartbeats - start.said.heartbeats,
    unicasts: leader.said.unicasts - start.said.unicasts,
    acknowledgements: acknowledged() - start.acknowledgements,
    deliveries: broker.statistics().delivered - start.deliveries,
  };
  await Promise.all(members.map((member) => member.stop()));
  await broker.stop();
  return figures;
}

/** A checkpoint or a repair that is still under way would be counted for what follows. */
async function allApplied(members: readonly SiteMember[], leader: SiteMember): Promise<void> {
  const { appliedIndex } = leader.replica;
  await untilTrue(() => members.every(({ replica }) => replica.appliedIndex >= appliedIndex));
}

/** The real links, and how often anything was published through them. */
class CountingLinks implements MqttLinks {
  publishes = 0;
  readonly #links = new MqttJsLinks({ clock: new SystemClock(), random: systemRandom });

  open(...arguments_: Parameters<MqttLinks["open"]>): ReturnType<MqttLinks["open"]> {
    const link = this.#links.open(...arguments_);
    return {
      get isUp() {
        return link.isUp;
      },
      publish: (message, done) => {
        this.publishes += 1;
        link.publish(message, done);
      },
      close: (how) => link.close(how),
    };
  }
}
