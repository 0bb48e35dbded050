import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deviceNumbers, isOtherStorage, storageSerial, unknownSerial } from "../../src/host/storage-serial.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

describe("the serial of the storage", () => {
  let root: ReturnType<typeof temporaryDirectory>;
  let options: { sysRoot: string; devRoot: string };
  let disk: string;

  /** A card as sysfs shows it: the disk's directory, the partition's in it, and the link by numbers to the partition. */
  beforeEach(() => {
    root = temporaryDirectory();
    options = { sysRoot: join(root.path, "sys"), devRoot: join(root.path, "dev") };
    disk = join(options.sysRoot, "devices", "mmc0", "block", "mmcblk0");
    const partition = join(disk, "mmcblk0p2");
    mkdirSync(join(disk, "device"), { recursive: true });
    mkdirSync(partition);
    writeFileSync(join(partition, "partition"), "2\n");
    const numbers = join(options.sysRoot, "dev", "block");
    mkdirSync(numbers, { recursive: true });
    symlinkSync(partition, join(numbers, deviceNumbers(statSync(root.path).dev)));
  });
  afterEach(() => root.remove());

  it("is an SD card's CID, also before its serial (directory on a partition)", async () => {
    writeFileSync(join(disk, "device", "cid"), "1b534d45423151543089a1b2c3d4e5f6\n");
    writeFileSync(join(disk, "device", "serial"), "0x3089a1b2\n");
    expect(await storageSerial(root.path, options)).toBe("cid:1b534d45423151543089a1b2c3d4e5f6");
  });

  it("is a drive's serial (directory on a whole disk)", async () => {
    const numbers = join(options.sysRoot, "dev", "block", deviceNumbers(statSync(root.path).dev));
    const { unlinkSync } = await import("node:fs");
    unlinkSync(numbers);
    symlinkSync(disk, numbers);
    writeFileSync(join(disk, "serial"), "S4EVNX0M\n");
    expect(await storageSerial(root.path, options)).toBe("serial:S4EVNX0M");
  });

  it("is the file system's UUID when the device has nothing of its own", async () => {
    mkdirSync(join(options.devRoot, "disk", "by-uuid"), { recursive: true });
    symlinkSync("../../sda1", join(options.devRoot, "disk", "by-uuid", "other"));
    symlinkSync("../../mmcblk0p2", join(options.devRoot, "disk", "by-uuid", "f00d-cafe"));
    expect(await storageSerial(root.path, options)).toBe("uuid:f00d-cafe");
  });

  it("is unknown where nothing can be known (no sysfs; an empty serial)", async () => {
    expect(await storageSerial(root.path, { sysRoot: "/nonexistent", devRoot: "/nonexistent" })).toBe(unknownSerial);
    writeFileSync(join(disk, "device", "serial"), "\n");
    expect(await storageSerial(root.path, options)).toBe(unknownSerial);
    expect(await storageSerial("/nonexistent", options)).toBe(unknownSerial);
  });

  it("has changed only between two of one kind", () => {
    expect(isOtherStorage("cid:a", "cid:b")).toBe(true);
    expect(isOtherStorage("cid:a", "cid:a")).toBe(false);
    expect(isOtherStorage("cid:a", "uuid:b")).toBe(false);
    expect(isOtherStorage("cid:a", unknownSerial)).toBe(false);
    expect(isOtherStorage(unknownSerial, "cid:a")).toBe(false);
  });

  it("takes Linux's device numbers apart (small and large ones)", () => {
    expect(deviceNumbers(0xfe00)).toBe("254:0");
    expect(deviceNumbers(0xb302)).toBe("179:2");
    expect(deviceNumbers(0x0010_0103)).toBe("1:259");
  });
});
