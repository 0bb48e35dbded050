// One number for everything that happened: SHA-256 over time, source, target, kind and bytes of every event at every port.
//
// Two runs of one seed have the same digest; where they do not, their marks tell in which thousand events they part.

import { createHash, type Hash } from "node:crypto";

const bufferBytes = 64 * 1024;
const eventsBetweenMarks = 1000;

export interface TraceMark {
  readonly events: number;
  /** Of true time, in ms. */
  readonly at: number;
  /** 64 hex digits: of everything up to here. */
  readonly digest: string;
}

/** Two runs were the same for the first `after` events, and no longer at event `before`, `at` ms of true time. */
export interface Parting {
  readonly after: number;
  readonly before: number;
  readonly at: number;
}

/** Where two runs part, by their marks; undefined: nowhere. */
export function partingOf(one: readonly TraceMark[], other: readonly TraceMark[]): Parting | undefined {
  let after = 0;
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    const [a, b] = [one[i], other[i]];
    if (a?.events === b?.events && a?.digest === b?.digest) {
      after = a?.events ?? after;
      continue;
    }
    const first = [a, b].filter((mark) => mark !== undefined).reduce((x, y) => (y.events < x.events ? y : x));
    return { after, before: first.events, at: first.at };
  }
  return undefined;
}

export class TraceDigest {
  readonly #hash: Hash = createHash("sha256");
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  readonly #marks: TraceMark[] = [];
  readonly #keepsMarks: boolean;
  #used = 0;
  #events = 0;
  #newestAt = 0;

  constructor(options: { readonly keepsMarks: boolean }) {
    this.#keepsMarks = options.keepsMarks;
  }

  get events(): number {
    return this.#events;
  }

  /** One for each thousand events, if they are kept; the last is of everything. */
  get marks(): readonly TraceMark[] {
    return [...this.#marks, this.#mark()];
  }

  add(at: number, source: string, target: string, kind: string, payload?: Uint8Array): void {
    const head = `${source}\0${target}\0${kind}\0`;
    const bytes = payload?.length ?? 0;
    if (this.#used + 12 + head.length + bytes > bufferBytes) this.#flush();
    const buffer = this.#buffer;
    this.#used = buffer.writeDoubleLE(at, this.#used);
    this.#used = buffer.writeUInt32LE(bytes, this.#used);
    this.#used += buffer.write(head, this.#used, "latin1");
    if (payload !== undefined) {
      if (this.#used + bytes > bufferBytes) {
        this.#flush();
        this.#hash.update(payload);
      } else {
        buffer.set(payload, this.#used);
        this.#used += bytes;
      }
    }
    this.#events += 1;
    this.#newestAt = at;
    if (this.#keepsMarks && this.#events % eventsBetweenMarks === 0) this.#marks.push(this.#mark());
  }

  /** Of everything so far; more may follow. */
  digest(): string {
    this.#flush();
    return this.#hash.copy().digest("hex");
  }

  #mark(): TraceMark {
    return { events: this.#events, at: this.#newestAt, digest: this.digest() };
  }

  #flush(): void {
    if (this.#used > 0) this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
