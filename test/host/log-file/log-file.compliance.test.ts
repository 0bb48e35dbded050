import { DiskLogFiles } from "../../../src/host/log-file/disk-log-files.ts";
import { logFileCompliance } from "../../compliance/log-file.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

logFileCompliance("real", async () => {
  const directory = temporaryDirectory();
  let files = new DiskLogFiles(directory.path);
  return {
    get files() {
      return files;
    },
    settle: (promise) => promise,
    cutPower: async () => {
      await files.abandon();
      files = new DiskLogFiles(directory.path);
    },
    dispose: async () => {
      await files.abandon();
      directory.remove();
    },
  };
});
