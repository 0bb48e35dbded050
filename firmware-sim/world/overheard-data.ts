// A device's card, overheard: which records it has synced, whatever the agent makes of them. Nothing is changed on the way, and
// no event of its own is added.

import type { DataDirectory } from "../../src/base/ports/data-directory.ts";
import type { LogFile, LogFiles, LogPosition } from "../../src/base/ports/log-file.ts";

type RecordTold = (log: string, position: LogPosition, payload: Uint8Array) => void;

/** `told` of each record once its sync has returned, before the agent hears of it. */
export function overheardData(data: DataDirectory, told: RecordTold): DataDirectory {
  const logFiles: LogFiles = {
    open: async (name, options, recovered) => {
      const { log, recovery } = await data.logFiles.open(name, options, recovered);
      return { log: overheardLog(log, (position, payload) => told(name, position, payload)), recovery };
    },
    setAside: (name) => data.logFiles.setAside(name),
  };
  return Object.create(data, { logFiles: { value: logFiles } }) as DataDirectory;
}

function overheardLog(log: LogFile, told: (position: LogPosition, payload: Uint8Array) => void): LogFile {
  return {
    get next() {
      return log.next;
    },
    append: (payload, done) => {
      const position: LogPosition = log.append(payload, (failure) => {
        if (failure === undefined) told(position, payload);
        done(failure);
      });
      return position;
    },
    read: (from, maxBytes, done) => log.read(from, maxBytes, done),
    release: (position) => log.release(position),
    usage: () => log.usage(),
    close: () => log.close(),
  };
}
