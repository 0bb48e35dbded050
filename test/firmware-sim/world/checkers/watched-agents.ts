// Whole agents (test/agent/virtual-agents.ts) that checkers look at: what their replicas do, what their cards sync, what their
// cloud receives. Sensors hand out whole numbers, each of them once.

import type { CheckedWorld, Checker, CheckerOf, WatchedLife } from "../../../../firmware-sim/world/checker.ts";
import type { AgentPorts } from "../../../../src/agent/ports.ts";
import type { DataDirectory } from "../../../../src/base/ports/data-directory.ts";
import type { LogFile, LogFiles } from "../../../../src/base/ports/log-file.ts";
import { seconds } from "../../../../src/base/units.ts";
import type { WatchedReplica } from "../../../../src/replica/contract.ts";
import { cloudUrl, VirtualAgents, type VirtualDevice } from "../../../agent/virtual-agents.ts";

export class WatchedAgents {
  readonly agents: VirtualAgents;
  readonly checkers: readonly Checker[];
  /** What a checker threw: the agents must not swallow it. */
  violation: unknown;
  readonly #lives = new Map<string, WatchedLife>();
  readonly #cards = new Map<string, string>();
  readonly #told = new Map<string, number>();
  #lifeCount = 0;
  #cardCount = 0;
  #value = 0;
  applied = 0;

  constructor(seed: number, count: number, checkers: readonly CheckerOf[]) {
    this.agents = new VirtualAgents(seed, count);
    const { time } = this.agents;
    const world: CheckedWorld = {
      get now() {
        return time.now;
      },
      lives: () => this.#lives.values(),
      pendingEvents: () => time.pending,
    };
    this.checkers = checkers.map((checkerOf) => checkerOf(world));
    this.agents.adapt = (ports, device) => this.#watched(ports, device);
    this.#hearCloud();
    this.#everySecond();
  }

  crash(device: VirtualDevice): void {
    this.agents.crash(device);
    this.#end(device.host);
  }

  /** An empty card takes its card's place. */
  wipe(device: VirtualDevice): void {
    this.crash(device);
    const card = this.#cardOf(device);
    this.#tell((checker) => checker.cardLost?.(card));
    this.#cards.set(device.host, this.#newCard());
    device.disk = this.agents.newDisk(100 + this.#cardCount);
  }

  /** What is on its card goes on on another one. */
  moveToCopy(device: VirtualDevice): void {
    this.crash(device);
    const [card, copy] = [this.#cardOf(device), this.#newCard()];
    this.#tell((checker) => checker.cardCopied?.(card, copy));
    this.#cards.set(device.host, copy);
    device.disk = device.disk.copy(`cid:${copy}`);
    for (const [place, position] of [...this.#told]) {
      if (place.startsWith(`${card} `)) this.#told.set(place.replace(card, copy), position);
    }
  }

  /** Nothing fails any more, and sensors are silent. */
  async heal(): Promise<void> {
    const waitsFor = (): string | undefined => this.checkers.map((checker) => checker.waitsFor?.()).find((why) => why);
    for (let i = 0; i < 200 && waitsFor() !== undefined; i++) await this.agents.run(seconds(1));
    this.#tell((checker) => checker.healed?.());
    this.rethrow();
  }

  rethrow(): void {
    if (this.violation !== undefined) throw this.violation;
  }

  #tell(told: (checker: Checker) => void): void {
    if (this.violation !== undefined) return;
    try {
      for (const checker of this.checkers) told(checker);
    } catch (cause) {
      this.violation = cause;
    }
  }

  #cardOf({ host }: VirtualDevice): string {
    const card = this.#cards.get(host) ?? this.#newCard();
    this.#cards.set(host, card);
    return card;
  }

  #newCard(): string {
    this.#cardCount += 1;
    return `card-${this.#cardCount}`;
  }

  #end(machine: string): void {
    const life = this.#lives.get(machine);
    if (life === undefined) return;
    this.#lives.delete(machine);
    this.#tell((checker) => checker.lifeEnded?.(life));
  }

  #watched(ports: AgentPorts, device: VirtualDevice): AgentPorts {
    const card = this.#cardOf(device);
    const data = Object.defineProperty(Object.create(ports.data) as DataDirectory, "logFiles", {
      value: this.#watchedLogs(ports.data.logFiles, card),
    });
    return {
      ...ports,
      data,
      drivers: (sensor, configuration) => {
        const driver = ports.drivers(sensor, configuration);
        return {
          start: (sink) =>
            driver.start({
              ...sink,
              reading: () => {
                this.#value += 1;
                sink.reading(this.#value);
              },
            }),
          stop: () => driver.stop(),
        };
      },
      watch: (self) => {
        let life: WatchedLife;
        return {
          opened: (replica: WatchedReplica, initial) => {
            this.#end(device.host);
            this.#lifeCount += 1;
            life = { number: this.#lifeCount, machine: device.host, card, self, replica };
            this.#lives.set(device.host, life);
            this.#tell((checker) => checker.lifeBegan?.(life, initial));
          },
          stepped: (event, effects) => this.#tell((checker) => checker.stepped?.(life, event, effects)),
          applied: (entry, outcome) => {
            this.applied += 1;
            this.#tell((checker) => checker.applied?.(life, entry, outcome));
          },
          replaced: () => this.#tell((checker) => checker.replaced?.(life)),
        };
      },
    };
  }

  #watchedLogs(logFiles: LogFiles, card: string): LogFiles {
    const synced = (log: string, position: number, payload: Uint8Array): void => {
      const place = `${card} ${log}`;
      if (log !== "readings" || position <= (this.#told.get(place) ?? 0)) return;
      this.#told.set(place, position);
      this.#tell((checker) => checker.synced?.({ card, log, position, payload }));
    };
    return {
      open: async (name, options, recovered) => {
        const opened = await logFiles.open(name, options, (record) => {
          synced(name, record.position, record.payload);
          recovered(record);
        });
        const { log } = opened;
        const watched: LogFile = {
          get next() {
            return log.next;
          },
          append: (payload, done) => {
            const copy = new Uint8Array(payload);
            const position = log.append(payload, (failure) => {
              if (failure === undefined) synced(name, position, copy);
              done(failure);
            });
            return position;
          },
          read: (from, maxBytes, done) => log.read(from, maxBytes, done),
          release: (position) => log.release(position),
          usage: () => log.usage(),
          close: () => log.close(),
        };
        return { ...opened, log: watched };
      },
      setAside: async (name) => {
        this.#told.delete(`${card} ${name}`);
        await logFiles.setAside(name);
      },
    };
  }

  /** What the cloud's broker accepts, in the order of acceptance. */
  #hearCloud(): void {
    const broker = this.agents.network.broker(cloudUrl);
    const publish = broker.publish.bind(broker);
    broker.publish = (message) => {
      const { topic, payload, retain, qos } = message;
      this.#tell((checker) => checker.uplink?.({ topic, payload, retain, qos: qos === 1 ? 1 : 0, clientId: "" }));
      publish(message);
    };
  }

  #everySecond(): void {
    this.agents.time.schedule(seconds(1), "checkers", () => {
      this.#tell((checker) => checker.second?.());
      this.#everySecond();
    });
  }
}
