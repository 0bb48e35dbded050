// Readings as other devices publish them: Debian's `mosquitto_pub`, one for each topic, fed line by line.

import { join } from "node:path";
import { Program } from "./program.ts";

export class ReadingFeeder {
  readonly #publishers: readonly Program[];
  readonly #published: number[];
  #timer: NodeJS.Timeout | undefined;

  /** Topics are on `broker`. */
  constructor(broker: string, topics: readonly string[], directory: string) {
    this.#publishers = topics.map(
      (topic) =>
        new Program("mosquitto_pub", ["-L", `${broker}/${topic}`, "-l", "-q", "1"], {
          stdin: "pipe",
          stderr: join(directory, "mosquitto_pub.errors"),
        }),
    );
    this.#published = topics.map(() => 0);
  }

  /** A message every `everyMs` on each topic; its values are 1, 2, 3 …, so that one lost and one doubled do not cancel. */
  start(everyMs: number): void {
    this.#timer ??= setInterval(() => {
      for (const [place, publisher] of this.#publishers.entries()) {
        const value = (this.#published[place] ?? 0) + 1;
        this.#published[place] = value;
        publisher.write(JSON.stringify({ value }));
      }
    }, everyMs);
  }

  pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The last value published on the topic at `place`. */
  published(place: number): number {
    return this.#published[place] ?? 0;
  }

  async end(): Promise<void> {
    this.pause();
    await Promise.all(this.#publishers.map((publisher) => publisher.end()));
  }
}
