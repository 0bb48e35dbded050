import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../../firmware-sim/virtual-clock.ts";
import type { SkeinError } from "../../../src/base/errors.ts";
import { deviceId, sensorId } from "../../../src/base/ids.ts";
import { seconds } from "../../../src/base/units.ts";
import { createDrivers } from "../../../src/host/drivers/registry.ts";
import { ThermalSource } from "../../../src/host/drivers/thermal.ts";
import type { DriverConfiguration } from "../../../src/site/configuration.ts";
import { MemoryLinks } from "../../readings/memory-links.ts";

let root = "";

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "skein-thermal-"));
  await zone(0, "acpitz", "27800\n");
  await zone(1, "cpu-thermal", "48312\n");
});
afterEach(() => rm(root, { recursive: true }));

async function zone(number: number, type: string, temperature: string): Promise<void> {
  const directory = join(root, `thermal_zone${number}`);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "type"), `${type}\n`);
  await writeFile(join(directory, "temp"), temperature);
}

function read(source: ThermalSource): Promise<number | string> {
  return new Promise((resolve) => source.read((failure, value) => resolve(failure?.message ?? value)));
}

const source = (name: string): ThermalSource => new ThermalSource({ sensor: sensorId("cpu"), zone: name, root });

describe("a thermal zone", () => {
  it("is read by its type or by its number, in °C", async () => {
    expect(await read(source("cpu-thermal"))).toBe(48.312);
    expect(await read(source("0"))).toBe(27.8);
  });

  it("is found again by its type when the numbers change", async () => {
    const cpu = source("cpu-thermal");
    await read(cpu);
    await rename(join(root, "thermal_zone1"), join(root, "thermal_zone7"));
    await zone(1, "wifi", "99000\n");
    expect(await read(cpu)).toBe(48.312);
  });

  it("that is not ready has no value, and none is made up", async () => {
    await zone(1, "cpu-thermal", "");
    expect(await read(source("cpu-thermal"))).toMatch(/^cpu: .*thermal_zone1\/temp says "", which is no whole number/);
    await zone(1, "cpu-thermal", "48312 extra\n");
    expect(await read(source("cpu-thermal"))).toMatch(/no whole number/);
  });

  it("that is not there is named, with those that are", async () => {
    expect(await read(source("gpu"))).toBe(
      `cpu: no thermal zone of type "gpu" in ${root}; there are acpitz, cpu-thermal`,
    );
    expect(await read(source("9"))).toMatch(/cannot read .*thermal_zone9\/temp \(ENOENT\)/);
    await rm(root, { recursive: true });
    expect(await read(source("gpu"))).toBe(`cpu: no thermal zones: cannot read ${root}`);
    await mkdir(root);
    expect(await read(source("gpu"))).toMatch(/there is none$/);
  });

  it("says nothing after it was stopped", async () => {
    const cpu = source("1");
    let answers = 0;
    cpu.read(() => {
      answers += 1;
    });
    cpu.stop();
    await read(source("1"));
    await read(source("1"));
    expect(answers).toBe(0);
  });
});

describe("the drivers of this machine", () => {
  const sensor = (driver: DriverConfiguration) => ({
    device: deviceId("pi"),
    driver,
    quantity: "temperature",
    unit: "°C",
    interval: seconds(1),
    range: undefined,
    stuckAfter: undefined,
    labels: {},
  });

  it("read what a configuration names", async () => {
    const time = new VirtualTime();
    const links = new MemoryLinks();
    const drivers = createDrivers({ clock: new VirtualClock(time), links, clientId: "x", thermalRoot: root });
    const said: (number | SkeinError)[] = [];
    const heard = new Promise<void>((resolve) => {
      const thermal = drivers(sensorId("cpu"), sensor({ kind: "thermal", zone: "cpu-thermal" }));
      thermal.start({
        reading: (value) => {
          said.push(value);
          resolve();
        },
        fault: (failure) => void said.push(failure),
        latest: () => {},
      });
    });
    const sink = {
      reading: (value: number) => void said.push(value),
      fault: (failure: SkeinError) => void said.push(failure),
      latest: () => {},
    };
    drivers(sensorId("m"), sensor({ kind: "mqtt", broker: "mqtt://hub", topic: "a", path: undefined })).start(sink);
    drivers(sensorId("s"), sensor({ kind: "simulated", profile: "room" })).start(sink);
    time.run(seconds(1));
    links.deliver("a", "7");
    await heard;
    expect(said).toContainEqual(expect.objectContaining({ message: expect.stringContaining("only `skein sim`") }));
    expect(said.filter((each) => typeof each === "number").sort((a, b) => b - a)).toEqual([48.312, 7]);
  });
});
