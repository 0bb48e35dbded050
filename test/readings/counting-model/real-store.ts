// The real `ReadingStore` behind the counting model's door, over a log in memory that forgets what was not synced.

import type { SkeinError } from "../../../src/base/errors.ts";
import { milliseconds, seconds } from "../../../src/base/units.ts";
import { isStamped } from "../../../src/readings/reading-log.ts";
import { ReadingStore } from "../../../src/readings/reading-store.ts";
import { MemoryDisk, MemoryLogFiles } from "../memory-log-files.ts";
import type { Medium, OpenedStore, StorePlan } from "./model-store.ts";

export class RealCard implements Medium {
  readonly disk = new MemoryDisk();
  last = 0;

  copy(): RealCard {
    const copy = new RealCard();
    copy.disk.records = [...this.disk.records];
    copy.disk.next = this.disk.next;
    copy.disk.description = this.disk.description;
    copy.last = this.last;
    return copy;
  }
}

export async function openRealStore(plan: StorePlan): Promise<OpenedStore> {
  const { clock, card, isHeld, session, random } = plan;
  const real = card as RealCard;
  const store = await ReadingStore.open(
    new MemoryLogFiles(real.disk, clock, milliseconds(5 + random.below(60))),
    clock,
    {
      flushInterval: () => seconds(2),
      session,
      lastSiteTime: undefined,
      isHeld,
      freezing: {
        device: plan.device,
        counted: () => plan.counted(),
        definitions: () => plan.definitions(),
      },
      listener: {
        taken: (readings) => {
          const stamped = readings.filter(isStamped);
          real.last = stamped.at(-1)?.number ?? real.last;
          plan.taken(stamped);
        },
        stopped: unexpected,
        resumed: () => {},
        frozen: () => {},
        unread: unexpected,
        failed: unexpected,
      },
    },
  );
  return { store, powerCut: () => {} };
}

function unexpected(failure: SkeinError): never {
  throw failure;
}
