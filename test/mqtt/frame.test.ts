import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { publishedAuthenticator } from "../../src/mqtt/authenticator.ts";
import { type DropReason, decodeFrame, encodeFrame, type FrameHead } from "../../src/mqtt/frame.ts";
import { firstGeneration, memberNamed } from "./site-of-devices.ts";

const head: FrameHead = {
  kind: 5,
  generation: firstGeneration,
  from: memberNamed("alpha"),
  to: memberNamed("b", 2),
  session: 2 ** 40,
  start: 2 ** 47 + 5,
  sequence: 2 ** 48 - 1,
};
const body = Buffer.from("the body");

function frameOf(changes: Partial<FrameHead> = {}, content: Uint8Array = body): Buffer {
  const frame = encodeFrame({ ...head, ...changes }, content, publishedAuthenticator);
  if (frame === undefined) throw new Error("it fits");
  return Buffer.from(frame);
}

const decode = (bytes: Uint8Array, judge: (head: FrameHead) => DropReason | undefined = () => undefined) =>
  decodeFrame(bytes, publishedAuthenticator, judge);

describe("frames", () => {
  it.each<Partial<FrameHead>>([
    {},
    { to: undefined },
    { generation: undefined },
    { to: undefined, generation: undefined },
  ])("come back as they were (%o)", (changes) => {
    expect(decode(frameOf(changes))).toEqual({ kind: "frame", head: { ...head, ...changes }, body });
    expect(decode(frameOf(changes, new Uint8Array(0)))).toMatchObject({ kind: "frame" });
  });

  it("come back as they were from any bytes around them", () => {
    const padded = Buffer.concat([Buffer.from("before"), frameOf(), Buffer.from("after")]);
    expect(decode(padded.subarray(6, padded.length - 5))).toEqual({ kind: "frame", head, body });
  });

  it("one changed bit anywhere is never the same frame, and never an exception", () => {
    const frame = frameOf();
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const changed = Buffer.from(frame);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decode(changed).kind).toBe("dropped");
    }
  });

  it("any bytes at all are dropped with a reason", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decode(bytes).kind).toBe("dropped");
        expect(decode(Buffer.concat([Buffer.of(1), bytes])).kind).toBe("dropped");
      }),
      { numRuns: 2_000 },
    );
  });

  it("of another version, too short or too large are dropped before anything else is looked at", () => {
    const frame = frameOf();
    expect(decode(Buffer.concat([Buffer.of(2), frame.subarray(1)]))).toEqual({ kind: "dropped", why: "other-version" });
    expect(decode(frame.subarray(0, 85))).toEqual({ kind: "dropped", why: "too-short" });
    expect(decode(Buffer.concat([frame, Buffer.alloc(limits.frameBytes)]))).toEqual({
      kind: "dropped",
      why: "too-large",
    });
  });

  it.each([
    ["unknown flags", 2, 4],
    ["a receiver that the flags deny", 2, 2],
    ["a sender without a name", 3, 0],
    ["a name longer than names are", 3, 33],
    ["names longer than the frame", 4, 32],
    ["a name that is none", 75, 0x41],
  ])("with %s are dropped by their head", (_what, at, value) => {
    const frame = frameOf();
    frame[at] = value;
    expect(decode(frame)).toEqual({ kind: "dropped", why: "malformed-head" });
  });

  it("are judged by their head before they are authenticated", () => {
    const frame = frameOf();
    frame.fill(0, frame.length - 16);
    expect(decode(frame, () => "other-receiver")).toEqual({ kind: "dropped", why: "other-receiver" });
    expect(decode(frame)).toEqual({ kind: "dropped", why: "not-authentic" });
  });

  it("are as large as the limit allows, and not one byte larger", () => {
    const overhead = frameOf().length - body.length;
    expect(overhead).toBeLessThan(limits.frameHeadBytes);
    expect(frameOf({}, new Uint8Array(limits.frameBytes - overhead)).length).toBe(limits.frameBytes);
    const larger = new Uint8Array(limits.frameBytes - overhead + 1);
    expect(encodeFrame(head, larger, publishedAuthenticator)).toBeUndefined();
  });

  it("are signed by who says them to whom: an authenticator of pairwise keys sees both", () => {
    const seen: unknown[] = [];
    const authenticator = {
      sign: (from: unknown, to: unknown) => {
        seen.push([from, to]);
        return new Uint8Array(16);
      },
      verify: (from: unknown, to: unknown) => {
        seen.push([from, to]);
        return true;
      },
    };
    const frame = encodeFrame(head, body, authenticator) ?? Buffer.alloc(0);
    decodeFrame(frame, authenticator, () => undefined);
    expect(seen).toEqual([
      [head.from, head.to],
      [head.from, head.to],
    ]);
  });
});
