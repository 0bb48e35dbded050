// What the coordinator shows outside: the outbox through the uplink, and beside it who leads, why, and what happened.

import { SkeinError } from "../base/errors.ts";
import { type DeviceId, memberOf } from "../base/ids.ts";
import type { Timer } from "../base/ports/clock.ts";
import { seconds, siteTime } from "../base/units.ts";
import type { OutboxSource } from "../cloud/item-stream.ts";
import { eventTopic, formatSiteEvent, formatSiteReport, siteTopic } from "../cloud/status-json.ts";
import { Uplink, type UplinkStatus } from "../cloud/uplink.ts";
import type { BrokerSet } from "../mqtt/broker-set.ts";
import type { Replica } from "../replica/replica.ts";
import type { SiteClock } from "../replica/site-time.ts";
import { decodeOutboxItem } from "../site/outbox.ts";
import type { Touched } from "../site/types.ts";
import type { Life } from "./life.ts";
import { OutboxDegrading } from "./outbox-degrading.ts";
import type { AgentConfiguration, AgentPorts } from "./ports.ts";

export interface DashboardParts {
  readonly life: Life;
  readonly replica: Replica;
  readonly siteClock: SiteClock;
  readonly brokers: BrokerSet;
}

/** Kinds of `events/{kind}`. */
type EventKind = "coordinator" | "joined" | "configuration" | "gone" | "back";

const confirmWithin = seconds(5);
const refreshInterval = seconds(10);

export class Dashboard {
  readonly #ports: AgentPorts;
  readonly #configuration: AgentConfiguration;
  readonly #parts: DashboardParts;
  readonly #outbox: OutboxSource;
  readonly #degrading: OutboxDegrading;
  /** With the URL that the site's configuration named when it was made. */
  #uplink: { readonly setting: string; readonly uplink: Uplink } | undefined;
  #refresh: Timer | undefined;
  #isLeading = false;
  #knownMembers = new Set<DeviceId>();
  #shownRevision = 0;
  #absent = new Set<DeviceId>();

  constructor(ports: AgentPorts, configuration: AgentConfiguration, parts: DashboardParts) {
    this.#ports = ports;
    this.#configuration = configuration;
    this.#parts = parts;
    const { replica } = parts;
    this.#outbox = {
      get first() {
        return replica.state.outbox.first;
      },
      get next() {
        return replica.state.outbox.next;
      },
      get count() {
        return replica.state.outbox.count;
      },
      get bytes() {
        return replica.state.outbox.bytes;
      },
      holds: (number) => replica.state.outbox.holds(number),
      read: (number, done) => this.#readItem(number, done),
    };
    this.#degrading = new OutboxDegrading(
      ports,
      replica,
      () => this.#isLeading && replica.status().hasAuthority && this.#uplink?.uplink.status().isConnected === false,
    );
  }

  /** This device has authority as coordinator now. */
  lead(): void {
    this.#isLeading = true;
    const { state } = this.#parts.replica;
    this.#knownMembers = new Set(state.members.keys());
    this.#shownRevision = state.revision;
    this.#absent = new Set(this.#absentMembers());
    this.#openUplink();
    const { term, why } = this.#parts.replica.role;
    this.#event("coordinator", `${this.#parts.life.self.device} leads in term ${term}: ${why}`);
    this.#showSite();
  }

  follow(): void {
    this.#isLeading = false;
    this.#refresh?.cancel();
    this.#closeUplink();
  }

  async stop(): Promise<void> {
    this.#isLeading = false;
    this.#refresh?.cancel();
    await this.#uplink?.uplink.stop();
    this.#uplink = undefined;
  }

  applied(touched: ReadonlySet<Touched>): void {
    if (!this.#isLeading) return;
    if (touched.has("outbox") || touched.has("cursor")) this.#uplink?.uplink.outboxChanged();
    if (touched.has("outbox")) this.#degrading.look();
    if (touched.has("configuration")) this.#configured();
    if (touched.has("members")) this.#membersChanged();
  }

  /** Somebody came to a broker or left it. */
  presenceChanged(): void {
    if (!this.#isLeading) return;
    const absent = new Set(this.#absentMembers());
    for (const device of absent)
      if (!this.#absent.has(device)) this.#event("gone", `${device} is not connected`, device);
    for (const device of this.#absent)
      if (!absent.has(device)) this.#event("back", `${device} is connected again`, device);
    this.#absent = absent;
  }

  /** The coordinator's link; undefined on every other device. */
  status(): UplinkStatus | undefined {
    return this.#uplink?.uplink.status();
  }

  #configured(): void {
    const { state } = this.#parts.replica;
    if (state.revision === this.#shownRevision) return;
    this.#shownRevision = state.revision;
    this.#event("configuration", `the configuration is at revision ${state.revision}`);
    if (this.#uplink?.setting !== state.configuration.settings.uplink) {
      this.#closeUplink();
      this.#openUplink();
    }
    this.#showSite();
  }

  #membersChanged(): void {
    const { members } = this.#parts.replica.state;
    for (const device of members.keys())
      if (!this.#knownMembers.has(device)) this.#event("joined", `${device} has joined`, device);
    this.#knownMembers = new Set(members.keys());
    this.#showSite();
  }

  #openUplink(): void {
    const { replica, life } = this.#parts;
    const { clock, random, links, logger } = this.#ports;
    const { brokers, keepAlive } = this.#configuration;
    const setting = replica.state.configuration.settings.uplink;
    const own = brokers[0];
    const isOwn = setting === "site";
    const login = isOwn ? loginOf(own?.username, own?.password) : {};
    const urls = isOwn ? brokers.map(({ url }) => url) : [setting];
    const uplink = new Uplink(
      { clock, random, links, log: logger },
      { site: life.site, urls, keepAlive, ...login },
      {
        outbox: this.#outbox,
        hasAuthority: () => replica.status().hasAuthority,
        confirmAuthority: (done) =>
          replica.readBarrier(confirmWithin, (isCurrent) => done(isCurrent && replica.isLeader)),
        proposeCursor: (upTo) => replica.propose({ kind: "cursor", upTo }, () => undefined),
      },
    );
    this.#uplink = { setting, uplink };
    uplink.start();
  }

  #closeUplink(): void {
    const closing = this.#uplink?.uplink.stop();
    this.#uplink = undefined;
    closing?.catch((failure: unknown) => this.#ports.logger.debug({ failure: String(failure) }, "uplink not closed"));
  }

  /** Retained, so that a page that opens later shows it; refreshed because members come and go without an entry. */
  #showSite(): void {
    this.#refresh?.cancel();
    this.#refresh = this.#ports.clock.after(refreshInterval, "show the site", () => this.#showSite());
    this.#degrading.look();
    const { replica, life, siteClock } = this.#parts;
    const { state } = replica;
    const { term, why } = replica.role;
    const { voters, commit } = replica.status();
    const { generation } = state;
    if (generation === undefined) return;
    const report = formatSiteReport({
      siteTime: siteClock.now() ?? siteTime(0),
      site: life.site,
      coordinator: life.self.device,
      term,
      generation,
      why,
      revision: state.revision,
      commit,
      members: state.members.size,
      present: state.members.size - this.#absentMembers().length,
      voters: (voters.incoming ?? voters.current).map((voter) => memberOf(voter).device),
    });
    this.#uplink?.uplink.publishStatus(siteTopic, report, true);
  }

  #event(kind: EventKind, text: string, device?: DeviceId): void {
    const { replica, siteClock } = this.#parts;
    const event = { siteTime: siteClock.now() ?? siteTime(0), kind, device, text, term: replica.role.term };
    this.#uplink?.uplink.publishStatus(eventTopic(event), formatSiteEvent(event), false);
  }

  #absentMembers(): DeviceId[] {
    const { replica, brokers, life } = this.#parts;
    return [...replica.state.members.keys()].filter(
      (device) => device !== life.self.device && !brokers.isPresent(device),
    );
  }

  #readItem(number: number, done: Parameters<OutboxSource["read"]>[1]): void {
    const { replica } = this.#parts;
    const item = replica.state.outbox.item(number);
    if (item !== undefined) {
      this.#ports.clock.soon(() => done(undefined, item));
      return;
    }
    replica.readCell(replica.state.outbox.itemKey(number)).then(
      (bytes) => done(undefined, bytes === undefined ? undefined : decodeOutboxItem(bytes)),
      (cause: unknown) =>
        done(new SkeinError("disk-failed", `Item ${number} of the outbox could not be read`, cause), undefined),
    );
  }
}

function loginOf(username: string | undefined, password: string | undefined): { username?: string; password?: string } {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}
