// One number for everything that happened: SHA-256 over time, source, target, kind and bytes of every event at every port.
//
// Two runs of one seed have the same digest; where they do not, `marks` tell in which thousand events they part.

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

export class TraceDigest {
  readonly #hash: Hash = createHash("sha256");
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  readonly #marks: TraceMark[] = [];
  readonly #keepsMarks: boolean;
  #used = 0;
  #events = 0;

  constructor(options: { readonly keepsMarks: boolean }) {
    this.#keepsMarks = options.keepsMarks;
  }

  get events(): number {
    return this.#events;
  }

  get marks(): readonly TraceMark[] {
    return this.#marks;
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
    if (this.#keepsMarks && this.#events % eventsBetweenMarks === 0) {
      this.#marks.push({ events: this.#events, at, digest: this.digest() });
    }
  }

  /** Of everything so far; more may follow. */
  digest(): string {
    this.#flush();
    return this.#hash.copy().digest("hex");
  }

  #flush(): void {
    if (this.#used > 0) this.#hash.update(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
