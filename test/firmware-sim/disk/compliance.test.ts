import { SimulatedDisk } from "../../../firmware-sim/disk/simulated-disk.ts";
import { SeededRandom } from "../../../firmware-sim/seeded-random.ts";
import { VirtualTime } from "../../../firmware-sim/virtual-clock.ts";
import { logFileCompliance } from "../../compliance/log-file.ts";
import { storageCompliance } from "../../compliance/storage.ts";
import { settle } from "./settle.ts";

logFileCompliance("simulated", async () => {
  const time = new VirtualTime();
  let disk = new SimulatedDisk(time, new SeededRandom(1));
  return {
    get files() {
      return disk.logFiles;
    },
    settle: (promise) => settle(time, promise),
    cutPower: async () => {
      disk = disk.crash();
    },
    dispose: async () => undefined,
  };
});

storageCompliance("simulated", async () => {
  const time = new VirtualTime();
  let disk = new SimulatedDisk(time, new SeededRandom(1));
  let storage = disk.openStorage();
  return {
    get storage() {
      return storage;
    },
    settle: (promise) => settle(time, promise),
    cutPower: async () => {
      disk = disk.crash();
      storage = disk.openStorage();
    },
    dispose: async () => undefined,
  };
});
