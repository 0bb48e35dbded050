// The temperature of a Linux thermal zone: `thermal_zone*/temp` in thousandths of a degree
// (Documentation/driver-api/thermal/sysfs-api.rst). Every Raspberry Pi has one, `cpu-thermal`.
//
// Zones are numbered in the order in which their drivers were loaded, so a zone that is named by its type is looked up again
// whenever the file behind it says another type. A sensor that is not ready says ENODATA (EAGAIN before Linux 6), or nothing.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isSkeinError, SkeinError } from "../../base/errors.ts";
import type { SensorId } from "../../base/ids.ts";
import type { PolledSource } from "../../base/ports/driver.ts";

export interface ThermalOptions {
  readonly sensor: SensorId;
  /** A zone's `type`, or its number. */
  readonly zone: string;
  /** Where the zones are. Default: `/sys/class/thermal`. */
  readonly root?: string;
}

const zonePattern = /^thermal_zone(\d+)$/;
const notReady: ReadonlySet<unknown> = new Set(["ENODATA", "EAGAIN"]);

export class ThermalSource implements PolledSource {
  readonly #options: ThermalOptions;
  readonly #root: string;
  #directory: string | undefined;
  #isStopped = false;

  constructor(options: ThermalOptions) {
    this.#options = options;
    this.#root = options.root ?? "/sys/class/thermal";
  }

  read(done: (failure: SkeinError | undefined, value: number) => void): void {
    void this.#answer(done);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #answer(done: (failure: SkeinError | undefined, value: number) => void): Promise<void> {
    let value = 0;
    let failure: SkeinError | undefined;
    try {
      value = await this.#read();
    } catch (cause) {
      failure = isSkeinError(cause) ? cause : this.#failed(String(cause), cause);
    }
    if (!this.#isStopped) done(failure, value);
  }

  async #read(): Promise<number> {
    const directory = await this.#find();
    const file = join(directory, "temp");
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (notReady.has(code)) throw this.#failed(`${file} has no value now (${code})`, cause);
      this.#directory = undefined;
      throw this.#failed(`cannot read ${file} (${code})`, cause);
    }
    const digits = text.trim();
    if (!/^-?\d{1,9}$/.test(digits)) {
      throw this.#failed(`${file} says ${JSON.stringify(text.slice(0, 40))}, which is no whole number of m°C`);
    }
    return Number(digits) / 1000;
  }

  async #find(): Promise<string> {
    const { zone } = this.#options;
    if (/^\d+$/.test(zone)) return join(this.#root, `thermal_zone${zone}`);
    if (this.#directory !== undefined && (await typeOf(this.#directory)) === zone) return this.#directory;
    const types: string[] = [];
    for (const name of (await this.#zones()).sort()) {
      const directory = join(this.#root, name);
      const type = await typeOf(directory);
      if (type === zone) {
        this.#directory = directory;
        return directory;
      }
      if (type !== undefined) types.push(type);
    }
    const present = types.length === 0 ? "there is none" : `there are ${types.join(", ")}`;
    throw this.#failed(`no thermal zone of type ${JSON.stringify(zone)} in ${this.#root}; ${present}`);
  }

  async #zones(): Promise<string[]> {
    try {
      return (await readdir(this.#root)).filter((name) => zonePattern.test(name));
    } catch (cause) {
      throw this.#failed(`no thermal zones: cannot read ${this.#root}`, cause);
    }
  }

  #failed(why: string, cause?: unknown): SkeinError {
    return new SkeinError("driver-failed", `${this.#options.sensor}: ${why}`, cause);
  }
}

async function typeOf(directory: string): Promise<string | undefined> {
  try {
    return (await readFile(join(directory, "type"), "utf8")).trim();
  } catch {
    return undefined;
  }
}
