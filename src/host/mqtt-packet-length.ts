// MQTT.js buffers a packet of any length that a broker announces, up to 256 MB. This watches the lengths go by.

const continues = 0x80;
const lengthBytesMax = 4;

/** Follows the packets of one connection, in whatever pieces they come. */
export class PacketLengthWatcher {
  readonly #most: number;
  /** Bytes of the present packet that are still to come after its head. */
  #left = 0;
  /** Where in the head the next byte belongs: 0 is the type, then come the bytes of the length. */
  #headAt = 0;
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** As much as is known of the length of a packet that is longer than allowed; undefined when there is none in `bytes`. */
  tooLong(bytes: Uint8Array): number | undefined {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at);
        this.#left -= skipped;
        at += skipped;
        continue;
      }
      const byte = bytes[at++] ?? 0;
      if (this.#headAt === 0) {
        this.#length = 0;
        this.#headAt = 1;
        continue;
      }
      this.#length += (byte & 0x7f) * 128 ** (this.#headAt - 1);
      if (this.#length > this.#most) return this.#length;
      // A fifth byte of length is malformed: the parser says so (MQTT 3.1.1 §2.2.3).
      const isMore = (byte & continues) !== 0 && this.#headAt < lengthBytesMax;
      this.#headAt = isMore ? this.#headAt + 1 : 0;
      if (!isMore) this.#left = this.#length;
    }
    return undefined;
  }
}
