// `skein sim` from the first line to the exit code: a site is made complete, runs under its faults, falls silent, is drained,
// judged and taken down, whatever happens.

import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SkeinError } from "../src/base/errors.ts";
import { hours, instant } from "../src/base/units.ts";
import { type DashboardTap, tapDashboard } from "../src/cli/dashboard/tap.ts";
import type { AgentHost } from "./agent-door.ts";
import { FaultDesk } from "./fault-desk.ts";
import { checkFaults, type FaultKind, FaultSchedule, formatFault } from "./faults.ts";
import { InProcessDevice } from "./in-process-device.ts";
import { LiveSite } from "./live-site.ts";
import { checkNeeds, describeNeeds, estimateNeeds } from "./needs.ts";
import { type PageServer, servePage } from "./page-server.ts";
import { ProcessDevice } from "./process-device.ts";
import { loadProfiles } from "./profiles.ts";
import { type RunReport, reportLines } from "./report.ts";
import { RunMeter } from "./run-meter.ts";
import { SeededRandom } from "./seeded-random.ts";
import { DeviceLedger } from "./sensed-ledger.ts";
import { type SimOptions, usualPorts } from "./sim-options.ts";
import type { SimStage } from "./sim-stage.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import { type SensorWorld, simulatedDrivers } from "./simulated-sensors.ts";
import { OutsideBroker, OwnBroker, type SiteBroker } from "./site-broker.ts";
import { planDevices, planSite } from "./site-plan.ts";
import { setUpSite } from "./site-setup.ts";

const tickMs = 100;
const lookEveryMs = 1_000;
const longestRun = hours(24);
const setupPatienceMs = 60_000;

/** Resolves with the exit code: 0 only if the judge found nothing. Fails with a SkeinError when the site cannot be set up. */
export async function runSim(options: SimOptions, host: AgentHost, stage: SimStage): Promise<number> {
  const names = planDevices(options.devices);
  const hasOwnBroker = options.brokerUrl === undefined;
  checkFaults(options.faults, { devices: new Set(names), duration: options.duration, hasOwnBroker });
  const needs = estimateNeeds(options.devices, options.isProcessEach);
  stage.print(describeNeeds(needs, options.devices, options.isProcessEach));
  checkNeeds(needs);
  if (options.reportFile !== undefined) await checkReportFile(options.reportFile);
  const run = new Run(options, host, stage);
  try {
    const report = await run.play();
    stage.curtain();
    for (const line of reportLines(report)) stage.print(line);
    if (options.reportFile !== undefined)
      await writeFile(options.reportFile, `${JSON.stringify(report, undefined, 2)}\n`);
    return report.passed ? 0 : 1;
  } finally {
    stage.curtain();
    await run.takeDown();
  }
}

/** Before a run that may take hours, not after it. */
async function checkReportFile(path: string): Promise<void> {
  try {
    await (await open(path, "a")).close();
  } catch (cause) {
    throw new SkeinError("invalid-argument", `--report ${path} cannot be written: ${reasonOf(cause)}`, cause);
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

class Run {
  readonly #options: SimOptions;
  readonly #host: AgentHost;
  readonly #stage: SimStage;
  readonly #takingDown: (() => Promise<unknown>)[] = [];
  readonly #profiles = loadProfiles();
  #isSilent = true;
  #isEnding = false;

  constructor(options: SimOptions, host: AgentHost, stage: SimStage) {
    this.#options = options;
    this.#host = host;
    this.#stage = stage;
  }

  async play(): Promise<RunReport> {
    const { abort } = this.#stage;
    const began = performance.now();
    const { live, desk, devices, broker } = await this.#build();
    const showing = setInterval(() => this.#stage.show(live.state(), live.eventCount), 250);
    this.#takingDown.push(() => Promise.resolve(clearInterval(showing)));
    const looking = setInterval(() => {
      live.measure();
      if (live.isStarting) void live.look();
    }, lookEveryMs);
    this.#takingDown.push(() => Promise.resolve(clearInterval(looking)));
    await setUpSite({
      devices,
      plan: this.#plan(),
      openApi: () => this.#host.openApi(broker.url, this.#options.site),
      progress: (text) => live.doing(text),
      patienceMs: setupPatienceMs,
      signal: abort,
    });
    await live.look();
    live.complete();
    this.#setSilent(devices, false);
    const schedule = new FaultSchedule(this.#options.faults);
    this.#stage.onKey((what) => this.#asked(what, live, desk, schedule, broker));
    live.measure();
    const meter = new RunMeter(live);
    await this.#runFaults(live, desk, schedule, meter);
    const cost = meter.end();
    this.#setSilent(devices, true);
    live.silence();
    const drainBegan = performance.now();
    await this.#drain(live, desk);
    const verdict = await live.verdict(schedule.left().map(formatFault));
    live.over();
    live.doing("");
    return {
      site: this.#options.site,
      seed: this.#options.seed,
      devices: devices.length,
      passed: verdict.passed,
      failures: verdict.failures,
      readings: verdict.readings,
      windows: live.state().windows,
      elections: live.state().elections,
      faults: schedule.injected(),
      ...cost,
      bytesWritten: live.bytesWritten,
      startMs: Math.round(drainBegan - began - cost.runMs),
      drainMs: Math.round(performance.now() - drainBegan),
    };
  }

  /** Newest first, so that nothing outlives what it stands on. */
  async takeDown(): Promise<void> {
    for (const down of this.#takingDown.reverse()) await down().catch(() => undefined);
  }

  #plan() {
    return planSite(this.#profiles, { devices: this.#options.devices, ...this.#options.times });
  }

  async #build() {
    const { options, broker } = { options: this.#options, broker: await this.#openBroker() };
    const { site, duration, seed, day } = options;
    const folder = await this.#openFolder();
    const page = await this.#openPage(broker);
    const originMs = performance.now();
    const world: SensorWorld = {
      profiles: this.#profiles,
      seed,
      day,
      origin: instant(this.#host.clock().now()),
      isSilent: () => this.#isSilent,
    };
    let live: LiveSite | undefined;
    const ended = (device: string, reason: unknown): void =>
      live?.trouble(`${device} ended by itself: ${reasonOf(reason)}`);
    const devices = planDevices(options.devices).map((device, place): SimulatedDevice => {
      const agent = { site, device, found: place === 0, brokers: [broker.url] };
      const dataPath = join(folder, device);
      if (options.isProcessEach) return new ProcessDevice({ device, dataPath, agent, seed, day, originMs, ended });
      const ledger = new DeviceLedger(device);
      const drivers = (clock: ReturnType<AgentHost["clock"]>) => simulatedDrivers(world, ledger, clock);
      return new InProcessDevice({ device, host: this.#host, dataPath, drivers, ledger, agent, ended });
    });
    this.#takingDown.push(() => Promise.all(devices.map((device) => device.kill())));
    const processes = (): number[] =>
      devices.flatMap((device) => (device instanceof ProcessDevice && device.pid !== undefined ? [device.pid] : []));
    live = new LiveSite({
      site,
      plan: this.#plan(),
      devices,
      broker,
      world,
      originMs,
      duration,
      pageUrl: page.url,
      processes,
    });
    await this.#openTap(broker, live);
    live.listen();
    const desk = new FaultDesk({
      devices,
      broker,
      random: new SeededRandom(seed).fork("faults"),
      restartAfter: options.restartAfter,
      coordinator: () => live.coordinator(),
      failed: (text) => live.trouble(text),
    });
    return { live, desk, devices, broker };
  }

  async #openBroker(): Promise<SiteBroker> {
    const { brokerUrl, host, port } = this.#options;
    if (brokerUrl !== undefined) return new OutsideBroker(brokerUrl);
    const broker = await OwnBroker.open(this.#host.brokers, host, port ?? usualPorts.broker, port === undefined);
    this.#takingDown.push(() => broker.stop());
    return broker;
  }

  async #openFolder(): Promise<string> {
    const { dataPath } = this.#options;
    if (dataPath !== undefined) {
      if ((await this.#host.makeDirectory(dataPath)) === "empty") return dataPath;
      throw new SkeinError("invalid-argument", `--data ${dataPath} is not empty: a run begins with a new site`);
    }
    const folder = await mkdtemp(join(tmpdir(), "skein-sim-"));
    this.#takingDown.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
    return folder;
  }

  async #openPage(broker: SiteBroker): Promise<PageServer> {
    const { site, host, pagePort } = this.#options;
    const wanted = { site, host, broker: broker.address };
    const page = await servePage({ ...wanted, port: pagePort ?? usualPorts.page }).catch((failure: unknown) => {
      if (pagePort !== undefined) throw failure;
      return servePage({ ...wanted, port: 0 });
    });
    this.#takingDown.push(() => page.stop());
    const { hostname, port } = new URL(broker.url);
    this.#stage.print(`watch  npm run skein -- watch --site ${site} --broker ${broker.url}`);
    this.#stage.print(`       mosquitto_sub -h ${hostname} -p ${port} -v -t 'skein/1/${site}/aggregates/#'`);
    this.#stage.print(`page   ${page.url}`);
    return page;
  }

  async #openTap(broker: SiteBroker, live: LiveSite): Promise<void> {
    const { site, tamper } = this.#options;
    const tap: DashboardTap = await tapDashboard({
      url: broker.url,
      site,
      clientId: `skein-judge-${site}`,
      isSessionKept: !broker.isOwn,
      received: (delivery) => {
        for (const each of tamper(delivery)) live.delivered(each);
      },
    });
    this.#takingDown.push(() => tap.close());
  }

  #setSilent(devices: readonly SimulatedDevice[], isSilent: boolean): void {
    this.#isSilent = isSilent;
    for (const device of devices) if (device instanceof ProcessDevice) device.setSilent(isSilent);
  }

  async #runFaults(live: LiveSite, desk: FaultDesk, schedule: FaultSchedule, meter: RunMeter): Promise<void> {
    const end = this.#options.duration ?? longestRun;
    let lookAt = 0;
    while (live.elapsed < end && !this.#isEnding) {
      const isFaultDue = (schedule.nextAt() ?? Number.POSITIVE_INFINITY) <= live.elapsed;
      if (live.elapsed >= lookAt || isFaultDue) {
        lookAt = live.elapsed + lookEveryMs;
        await live.look();
        meter.sample();
      }
      schedule.run(live.elapsed, (fault) => {
        const hit = desk.inject(fault.kind, fault.device);
        if (hit !== false) live.event("fault", `${fault.kind} ${hit ?? ""}`.trim());
        return hit;
      });
      desk.tick();
      await sleep(tickMs, undefined, { signal: this.#stage.abort });
    }
  }

  async #drain(live: LiveSite, desk: FaultDesk): Promise<void> {
    const limit = performance.now() + this.#options.drainLimit;
    live.doing("everything is switched on, nothing is sensed");
    await Promise.race([
      desk.healAll(),
      sleep(this.#options.drainLimit, undefined, { signal: this.#stage.abort, ref: false }),
    ]);
    while (performance.now() < limit) {
      await live.look();
      live.doing(`${live.counted} of ${live.stored} stored readings have been counted`);
      const isFlushed = live.silentFor > 2 * this.#options.times.flushInterval;
      if (isFlushed && live.isEverybodyUp && live.counted === live.stored) return;
      await sleep(tickMs, undefined, { signal: this.#stage.abort });
    }
  }

  #asked(
    what: FaultKind | "toggle-broker" | "end",
    live: LiveSite,
    desk: FaultDesk,
    schedule: FaultSchedule,
    broker: SiteBroker,
  ): void {
    if (what === "end") {
      this.#isEnding = true;
      return;
    }
    if (live.state().phase !== "running") return;
    const kind = what === "toggle-broker" ? (broker.isUp ? "stop-broker" : "start-broker") : what;
    const hit = desk.inject(kind, undefined);
    if (hit === false) {
      live.event("fault", `${kind} is not possible now`);
      return;
    }
    schedule.record({ at: live.elapsed, kind, device: hit });
    live.event("fault", `${kind} ${hit ?? ""}`.trim());
  }
}
