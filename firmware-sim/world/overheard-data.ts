// A device's card, overheard: which records it has synced, whatever the agent makes of them. Nothing is changed on the way, and
// no event of its own is added.

import type { DataDirectory } from "../../src/base/ports/data-directory.ts";
import type { LogFile, LogFiles, LogPosition } from "../../src/base/ports/log-file.ts";

type RecordTold = (log: string, position: LogPosition, payload: Uint8Array) => void;

export interface CardListener {
  /** Its sync has returned; the agent does not know yet. */
  readonly synced: RecordTold;
  /** Opening the log found it: also one that a power cut left whole although its sync had not returned. */
  readonly recovered: RecordTold;
}

export function overheardData(data: DataDirectory, listener: CardListener): DataDirectory {
  const logFiles: LogFiles = {
    open: async (name, options, recovered) => {
      const { log, recovery } = await data.logFiles.open(name, options, (record) => {
        listener.recovered(name, record.position, record.payload);
        recovered(record);
      });
      return { log: overheardLog(log, (position, payload) => listener.synced(name, position, payload)), recovery };
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
