import { LevelStorage } from "../../src/host/level-storage.ts";
import { storageCompliance } from "../compliance/storage.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

storageCompliance("LevelDB", async () => {
  const directory = temporaryDirectory();
  let storage = await LevelStorage.open(directory.path);
  return {
    get storage() {
      return storage;
    },
    settle: (promise) => promise,
    cutPower: async () => {
      await storage.abandon();
      storage = await LevelStorage.open(directory.path);
    },
    dispose: async () => {
      await storage.abandon();
      directory.remove();
    },
  };
});
