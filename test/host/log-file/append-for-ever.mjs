// Appends to the log in the directory given, for ever, and says each acknowledged position before it goes on.
import { writeSync } from "node:fs";
import { DiskLogFiles } from "../../../dist/src/host/log-file/disk-log-files.js";

const options = {
  segmentBytes: 64 * 1024,
  segmentsAhead: 1,
  capacityBytes: 1024 * 1024,
  whenDiskIsFull: "fatal",
  describe: () => new Uint8Array(0),
};
const { log } = await new DiskLogFiles(process.argv[2]).open("log", options, () => undefined);

function next() {
  const position = log.append(Buffer.alloc(1 + (log.next % 5_000), log.next % 251), (failure) => {
    if (failure !== undefined) throw failure;
    writeSync(1, `${position}\n`);
    // Several are always on their way, so that a kill meets every stage of a batch.
    log.release(position - 20);
    next();
  });
}
for (let i = 0; i < 5; i++) next();
