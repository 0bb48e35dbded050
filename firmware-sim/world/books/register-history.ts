// Is a history of one register linearizable? (Herlihy & Wing, "Linearizability", 1990.)
//
// In general that is a search (Wing & Gong; NP-complete). Here every write has a value of its own, and then it is not: each value
// has one write and its reads, and all of them stand together in any legal order. So a value is needed from the first answer about
// it to the last question about it, or, if all its operations overlap, at one moment between the last question and the first
// answer. The history is linearizable exactly if no two values are needed at once, none that needs one moment has only moments
// strictly inside the time of another, and no value is read before it was written (Gibbons & Korach, "Testing Shared Memories",
// 1997, §4). Sorting decides it: O(n log n). A write of unknown outcome that nobody read never was; one that was read took effect
// before the first answer that shows it.

/** What is known of one operation on the register; times in any unit, equal ones are concurrent. */
export interface RegisterOperation {
  readonly kind: "write" | "read";
  readonly called: number;
  /** Undefined: of unknown outcome. */
  readonly returned: number | undefined;
  /** Undefined: as it was at first. */
  readonly value: string | undefined;
}

/** Where one value is needed. */
interface Zone {
  readonly value: string | undefined;
  /** The first answer, and the last question. */
  answered: number;
  called: number;
  /** Of the write. */
  written: number | undefined;
  /** The first answer of a read. */
  read: number;
}

/** Why it is not linearizable; undefined: it is. Of reads only those that were answered count. */
export function whyNotLinearizable(history: Iterable<RegisterOperation>): string | undefined {
  const zones = [...zonesOf(history).values()];
  for (const { value, written, read, answered } of zones) {
    if (answered === Number.POSITIVE_INFINITY) continue;
    if (written === undefined) return `${show(value)} was read, and nobody wrote it`;
    if (read < written) return `${show(value)} was read before it was written`;
  }
  const needed = zones.filter(({ answered }) => answered < Number.POSITIVE_INFINITY);
  const spans = needed.filter(isSpan).sort((a, b) => a.answered - b.answered || a.called - b.called);
  for (const [i, span] of spans.entries()) {
    const next = spans[i + 1];
    if (next !== undefined && next.answered < span.called) {
      return `${show(span.value)} is seen up to ${span.called} and ${show(next.value)} from ${next.answered} on: one of them was seen again after it was gone`;
    }
  }
  for (const zone of needed) {
    if (isSpan(zone)) continue;
    const around = spans[countUpTo(spans, zone.called) - 1];
    if (around !== undefined && around.answered < zone.called && zone.answered < around.called) {
      return `${show(zone.value)} was there between ${zone.called} and ${zone.answered}, but ${show(around.value)} was seen from ${around.answered} to ${around.called}`;
    }
  }
  return undefined;
}

function zonesOf(history: Iterable<RegisterOperation>): Map<string | undefined, Zone> {
  const zones = new Map<string | undefined, Zone>();
  const zoneOf = (value: string | undefined): Zone => {
    let zone = zones.get(value);
    if (zone === undefined) {
      const first = {
        answered: Number.POSITIVE_INFINITY,
        called: Number.NEGATIVE_INFINITY,
        read: Number.POSITIVE_INFINITY,
      };
      zone = { value, written: undefined, ...first };
      zones.set(value, zone);
    }
    return zone;
  };
  const beginning = zoneOf(undefined);
  beginning.written = Number.NEGATIVE_INFINITY;
  beginning.answered = Number.NEGATIVE_INFINITY;
  for (const { kind, called, returned, value } of history) {
    if (kind === "read" && returned === undefined) continue;
    const zone = zoneOf(value);
    if (kind === "write") {
      if (zone.written !== undefined) throw new Error(`${show(value)} is written twice: its reads say nothing`);
      zone.written = called;
    } else zone.read = Math.min(zone.read, returned ?? zone.read);
    zone.called = Math.max(zone.called, called);
    zone.answered = Math.min(zone.answered, returned ?? zone.answered);
  }
  return zones;
}

/** It is there for a time, and not just at some moment. */
const isSpan = ({ answered, called }: Zone): boolean => answered < called;

/** How many of `spans`, which do not overlap, begin before `time`. */
function countUpTo(spans: readonly Zone[], time: number): number {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.answered ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

const show = (value: string | undefined): string =>
  value === undefined ? "what was there at first" : JSON.stringify(value);
