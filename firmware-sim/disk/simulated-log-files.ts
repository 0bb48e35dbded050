// The twin of src/host/log-file/disk-log-files.ts: opens logs on a simulated device and recovers what is there.

import { SkeinError } from "../../src/base/errors.ts";
import type { LogFileOptions, LogFiles, LogRecord, LogRecovery } from "../../src/base/ports/log-file.ts";
import { checkedOptions } from "../../src/host/log-file/log-bounds.ts";
import type { SimulatedDevice } from "./device.ts";
import { emptyLog, type LogContent, recoverContent } from "./log-content.ts";
import { SimulatedLogFile } from "./simulated-log-file.ts";

/** `isTold`: the device's `onSynced` hears of their records. */
export function simulatedLogFiles(
  device: SimulatedDevice,
  logsOf: (name: string) => Map<string, LogContent>,
  { isTold } = { isTold: true },
): LogFiles {
  return {
    open: async (name: string, options: LogFileOptions, recovered: (record: LogRecord) => void) => {
      const checked = checkedOptions(name, options);
      return await new Promise<{ log: SimulatedLogFile; recovery: LogRecovery }>((resolve, reject) => {
        device.read(`${name}: open`, () => {
          const logs = logsOf(name);
          const content = logs.get(name) ?? emptyLog();
          const { damagedAt, cutTail } = recoverContent(content);
          if (damagedAt !== undefined) {
            reject(new SkeinError("log-damaged", `${name} at position ${damagedAt}: simulated rot`));
            return;
          }
          if (!logs.has(name) && device.isFull) {
            reject(new SkeinError("disk-full", `${name}: the simulated disk is full`));
            return;
          }
          logs.set(name, content);
          for (const { batches } of content.segments) {
            for (const { first, payloads } of batches) {
              for (const [i, payload] of payloads.entries()) {
                recovered({ position: first + i, payload: new Uint8Array(payload) });
              }
            }
          }
          const [oldest] = content.segments;
          const description = oldest === undefined ? undefined : new Uint8Array(oldest.description);
          const log = new SimulatedLogFile(name, checked, device, content, isTold);
          resolve({ log, recovery: { description, first: oldest?.first ?? log.next, next: log.next, cutTail } });
        });
      });
    },
    setAside: (name) =>
      new Promise((resolve) => {
        device.read(`${name}: set aside`, () => {
          logsOf(name).delete(name);
          resolve();
        });
      }),
  };
}
