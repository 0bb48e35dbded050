// The envelope of everything that skein's devices say to each other (DESIGN §5).
//
// Problem: a device hears frames that are not for it, of other sites' generations, of its own earlier lives, and damaged
// ones. Idea: a fixed binary head that is judged first and cheaply, then the authentication field, and only then the CBOR
// body. Nothing that is received throws.
//
//   byte  0  version          5–8   generation number     57–62  session
//         1  message kind     9–24  generation nonce      63–68  sequence number
//         2  flags           25–40  from: incarnation     69–74  start
//         3  length of from  41–56  to: incarnation       75…    from: device, to: device (ASCII)
//         4  length of to                                 then   body (CBOR)
//                                                         last 16: authentication over all before it
//
// There is no fragment header: `limits.ts` asserts that every message fits one frame, and a frame fits every broker.

import { assert } from "../base/errors.ts";
import { type Generation, isDeviceId, type Member } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { type Authenticator, authenticationBytes } from "./authenticator.ts";

const version = 1;
const flagTo = 1;
const flagGeneration = 2;
const fixedBytes = 75;
const nameBytesMax = 32;
const bits48 = 2 ** 48;

assert(
  fixedBytes + 2 * nameBytesMax + authenticationBytes < limits.frameHeadBytes,
  "a frame's head is within its limit",
);

export interface FrameHead {
  /** Number of the message kind (messages.ts). */
  readonly kind: number;
  /** Absent while the sender belongs to no generation yet. */
  readonly generation: Generation | undefined;
  readonly from: Member;
  /** Absent: for everyone. */
  readonly to: Member | undefined;
  /** Which start of the sender's process this is. */
  readonly session: number;
  /** Drawn at that start, below 2^48: two runs from copies of one card may bear the same session. */
  readonly start: number;
  /** Counts the frames of a session. */
  readonly sequence: number;
}

/** Why a frame was dropped. */
export type DropReason =
  | "too-large"
  | "too-short"
  | "other-version"
  | "malformed-head"
  /** The topic is not one that this device listens on, or the kind has no place there. */
  | "wrong-topic"
  /** The sender in the frame is not the one in the topic. */
  | "other-sender"
  /** Said under this device's own name by another life of it: an hour old, or a copy of its card runs. */
  | "own-name"
  | "retained"
  /** For another device, or another life of this one. */
  | "other-receiver"
  | "other-generation"
  | "not-authentic"
  | "unknown-kind"
  | "malformed-body";

export type DecodedFrame =
  | { readonly kind: "frame"; readonly head: FrameHead; readonly body: Uint8Array }
  | { readonly kind: "dropped"; readonly why: DropReason };

const dropped = (why: DropReason): DecodedFrame => ({ kind: "dropped", why });

/** Undefined when the frame would be larger than `limits.frameBytes`. */
export function encodeFrame(head: FrameHead, body: Uint8Array, authenticator: Authenticator): Uint8Array | undefined {
  const { from, to, generation } = head;
  const bodyAt = fixedBytes + from.device.length + (to?.device.length ?? 0);
  const contentBytes = bodyAt + body.length;
  if (contentBytes + authenticationBytes > limits.frameBytes) return undefined;
  const frame = Buffer.allocUnsafe(contentBytes + authenticationBytes).fill(0, 0, bodyAt);
  frame[0] = version;
  frame[1] = head.kind;
  frame[2] = (to === undefined ? 0 : flagTo) | (generation === undefined ? 0 : flagGeneration);
  frame[3] = from.device.length;
  frame.write(from.incarnation, 25, "hex");
  frame.write(from.device, fixedBytes, "latin1");
  if (generation !== undefined) {
    frame.writeUInt32BE(generation.number, 5);
    frame.write(generation.nonce, 9, "hex");
  }
  if (to !== undefined) {
    frame[4] = to.device.length;
    frame.write(to.incarnation, 41, "hex");
    frame.write(to.device, fixedBytes + from.device.length, "latin1");
  }
  frame.writeUIntBE(head.session % bits48, 57, 6);
  frame.writeUIntBE(head.sequence % bits48, 63, 6);
  frame.writeUIntBE(head.start % bits48, 69, 6);
  frame.set(body, bodyAt);
  frame.set(authenticator.sign(from, to, frame.subarray(0, contentBytes)), contentBytes);
  return frame;
}

/**
 * The frame in `bytes`, if it is one. `judge` sees the head before the costly part and may drop the frame by naming a
 * reason. The body is a view into `bytes`.
 */
export function decodeFrame(
  bytes: Uint8Array,
  authenticator: Authenticator,
  judge: (head: FrameHead) => DropReason | undefined,
): DecodedFrame {
  if (bytes.length > limits.frameBytes) return dropped("too-large");
  if (bytes.length < fixedBytes + authenticationBytes + 1) return dropped("too-short");
  if (bytes[0] !== version) return dropped("other-version");
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const head = readHead(frame);
  if (head === undefined) return dropped("malformed-head");
  const why = judge(head);
  if (why !== undefined) return dropped(why);
  const contentBytes = frame.length - authenticationBytes;
  const isAuthentic = authenticator.verify(
    head.from,
    head.to,
    frame.subarray(0, contentBytes),
    frame.subarray(contentBytes),
  );
  if (!isAuthentic) return dropped("not-authentic");
  const bodyAt = fixedBytes + head.from.device.length + (head.to?.device.length ?? 0);
  return { kind: "frame", head, body: bytes.subarray(bodyAt, contentBytes) };
}

function readHead(frame: Buffer): FrameHead | undefined {
  const flags = frame.readUInt8(2);
  const fromLength = frame.readUInt8(3);
  const toLength = frame.readUInt8(4);
  const hasTo = (flags & flagTo) !== 0;
  const toAt = fixedBytes + fromLength;
  if (flags > (flagTo | flagGeneration) || hasTo !== toLength > 0) return undefined;
  if (fromLength > nameBytesMax || toLength > nameBytesMax) return undefined;
  if (toAt + toLength + authenticationBytes > frame.length) return undefined;
  const from = frame.toString("latin1", fixedBytes, toAt);
  const to = frame.toString("latin1", toAt, toAt + toLength);
  if (!isDeviceId(from) || (hasTo && !isDeviceId(to))) return undefined;
  return {
    kind: frame.readUInt8(1),
    generation:
      (flags & flagGeneration) === 0
        ? undefined
        : { number: frame.readUInt32BE(5), nonce: frame.toString("hex", 9, 25) },
    from: { device: from, incarnation: frame.toString("hex", 25, 41) as Member["incarnation"] },
    to: hasTo ? ({ device: to, incarnation: frame.toString("hex", 41, 57) } as Member) : undefined,
    session: frame.readUIntBE(57, 6),
    sequence: frame.readUIntBE(63, 6),
    start: frame.readUIntBE(69, 6),
  };
}
