import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PacketLengthWatcher } from "../../src/host/mqtt-packet-length.ts";
import { lengthField } from "./raw-mqtt.ts";

const packet = (length: number): Buffer =>
  Buffer.concat([Buffer.of(0x30), lengthField(length), Buffer.alloc(length, 0xff)]);

describe("PacketLengthWatcher", () => {
  it("finds the one packet that is too long, whatever the pieces, and none where there is none", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 1_000 }), { maxLength: 20 }),
        fc.boolean(),
        fc.infiniteStream(fc.integer({ min: 1, max: 400 })),
        (lengths, isLastTooLong, sizes) => {
          const packets = lengths.map(packet);
          if (isLastTooLong) packets.push(packet(1_001));
          let bytes = Buffer.concat(packets);
          const watcher = new PacketLengthWatcher(1_000);
          let found: number | undefined;
          while (bytes.length > 0 && found === undefined) {
            const size = sizes.next().value;
            found = watcher.tooLong(bytes.subarray(0, size));
            bytes = bytes.subarray(size);
          }
          expect(found !== undefined).toBe(isLastTooLong);
        },
      ),
      { numRuns: 300 },
    );
  });
});
