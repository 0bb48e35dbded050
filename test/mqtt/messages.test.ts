import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encode, tryDecode } from "../../src/base/cbor.ts";
import { limits } from "../../src/base/limits.ts";
import { logIndex, siteTime, term } from "../../src/base/units.ts";
import { publishedAuthenticator } from "../../src/mqtt/authenticator.ts";
import { encodeFrame } from "../../src/mqtt/frame.ts";
import { decodeMessage, encodeMessage, type MessageKind, messageKind, messageKinds } from "../../src/mqtt/messages.ts";
import { allSamples, samples } from "./samples.ts";
import { firstGeneration, memberNamed } from "./site-of-devices.ts";

const kinds = Object.keys(messageKinds) as MessageKind[];

/** Fields that may hold anything plain. */
const free = new Set(["api-question 2", "api-answer 4"]);

function bodyOf(kind: MessageKind, sample = samples[kind][0]): unknown[] {
  const decoded = tryDecode(encodeMessage(sample));
  if (decoded.kind !== "value" || !Array.isArray(decoded.value)) throw new Error("a body is an array");
  return decoded.value as unknown[];
}

describe("message bodies", () => {
  it.each(allSamples.map((sample) => [sample.kind, sample] as const))("%s comes back as it was", (kind, sample) => {
    expect(decodeMessage(kind, encodeMessage(sample))).toEqual(sample);
  });

  it("each kind has a number of its own, below 256", () => {
    const numbers = kinds.map((kind) => messageKinds[kind].number);
    expect(new Set(numbers).size).toBe(kinds.length);
    expect(numbers.every((number) => number > 0 && number < 256)).toBe(true);
    expect(kinds.map((kind) => messageKind(messageKinds[kind].number))).toEqual(kinds);
    expect(messageKind(255)).toBeUndefined();
  });

  it("the bytes of a frame of each kind are those of the fixture: what is deployed can read them", async () => {
    const frames: Record<string, string> = {};
    for (const kind of kinds) {
      const isForAll = messageKinds[kind].channel === "presence" || kind === "append";
      const frame = encodeFrame(
        {
          kind: messageKinds[kind].number,
          generation: firstGeneration,
          from: memberNamed("a"),
          to: isForAll ? undefined : memberNamed("b", 2),
          session: 3,
          start: 5,
          sequence: 77,
        },
        encodeMessage(samples[kind][0]),
        publishedAuthenticator,
      );
      frames[kind] = Buffer.from(frame ?? []).toString("hex");
    }
    await expect(`${JSON.stringify(frames, null, 1)}\n`).toMatchFileSnapshot("../fixtures/frames.json");
  });

  it.each(kinds)("%s: a wrong type in any field, one field too few or too many, is refused", (kind) => {
    for (const sample of samples[kind]) {
      const body = bodyOf(kind, sample);
      const isRefused = (changed: unknown) => decodeMessage(kind, encode(changed)) === undefined;
      for (const i of body.keys()) {
        if (free.has(`${kind} ${i}`)) continue;
        for (const wrong of [{}, Number.NaN, -1.5, "x".repeat(3_000), [[[]]], undefined]) {
          expect(isRefused(body.with(i, wrong)), `${kind}, field ${i}, ${JSON.stringify(wrong)}`).toBe(true);
        }
      }
      expect(isRefused(body.slice(0, -1))).toBe(true);
      expect(isRefused([...body, 0])).toBe(true);
      expect(isRefused(Object.fromEntries(body.entries()))).toBe(true);
    }
  });

  it.each([
    ["append", 6, Array.from({ length: 4 * (limits.appendEntries + 1) }, (_, i) => [7, 0, 0, null][i % 4])],
    ["append", 6, [7, 0, 3, null]],
    ["append", 6, [7, 0, 0, 0]],
    ["append", 6, [7, 0, 1]],
    ["append", 6, [7, 0, 2, [["nobody"]]]],
    ["append", 6, [7, 0, 2, [Array.from({ length: limits.voters + 1 }, () => `a@${"0".repeat(32)}`)]]],
    ["append", 6, [7, 0, 1, new Uint8Array(limits.commandBytes + 1)]],
    ["append", 5, -1],
    ["append", 5, Number.POSITIVE_INFINITY],
    ["append", 0, 2 ** 53],
    ["snapshot-chunk", 3, new Uint8Array(limits.snapshotChunkBytes + 1)],
    ["snapshot-chunk", 1, [`a@${"0".repeat(32)}`, 1, 1, "0".repeat(31)]],
    ["partial", 7, 2 ** 32],
    ["partial", 8, [["all", "g", 0, 1, 1, 1, 1, 0, 0, [1, 1, 0, 1], []]]],
    ["partial", 8, [["all", "g", 0, 1, 1, 1, 1, 0, 0, [1, 0], []]]],
    ["partial", 8, [["all", "g", 0, 1, 1, 1, 1, 0, 0, [1], []]]],
    ["partial", 8, [["all", "g", 0, 1, 1, 1, 1, 0, 0, Array.from({ length: 2 * limits.sketchBins + 2 }, () => 1), []]]],
    ["partial", 8, [["all", "x".repeat(257), 0, 1, 1, 1, 1, 0, 0, [], []]]],
    ["join", 1, "0".repeat(31)],
    ["join", 0, "Not A Name"],
    ["join-refused", 0, "toString"],
    ["proposal-answer", 2, ["done"]],
    ["proposal-answer", 2, ["refused", "id-in-use", ""]],
    ["proposal-answer", 2, ["never heard of"]],
    ["api-question", 2, Array.from({ length: limits.apiArgumentDepth + 1 }).reduce((inner) => [inner], 0)],
    ["api-answer", 4, Array.from({ length: limits.apiArgumentDepth + 1 }).reduce((inner) => ({ inner }), 0)],
  ] as const)("%s with a field %i out of its bounds is refused", (kind, field, wrong) => {
    expect(decodeMessage(kind, encode(bodyOf(kind).with(field, wrong)))).toBeUndefined();
  });

  it("appends of any entries come back as they were, their commands in memory of their own", () => {
    const entry = fc.record({
      term: fc.maxSafeNat().map(term),
      siteTime: fc.double({ min: 0, max: 1e15, noNaN: true }).map((time) => siteTime(time + 0)),
      command: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 50 }), fc.nat(), (drawn, previous) => {
        const sample = samples.append[0];
        const message = {
          ...sample,
          previousIndex: logIndex(previous),
          entries: drawn.map((each, i) => ({ kind: "command" as const, index: logIndex(previous + i + 1), ...each })),
        };
        const bytes = encodeMessage(message);
        const decoded = decodeMessage("append", bytes);
        bytes.fill(0);
        expect(decoded).toEqual(message);
      }),
      { numRuns: 100 },
    );
  });

  it("the fullest append there may be fits a frame", () => {
    const size = Math.floor(limits.appendBatchBytes / limits.appendEntries);
    const entries = Array.from({ length: limits.appendEntries }, (_, i) => ({
      kind: "command" as const,
      index: logIndex(2 ** 40 + 1 + i),
      term: term(2 ** 40),
      siteTime: siteTime(1.79e12 + 0.25),
      command: new Uint8Array(size),
    }));
    const message = { ...samples.append[0], previousIndex: logIndex(2 ** 40), entries };
    expect(encodeMessage(message).length + limits.frameHeadBytes).toBeLessThanOrEqual(limits.frameBytes);
    expect(decodeMessage("append", encodeMessage(message))).toEqual(message);
  });

  it("sketches of any bins come back as they were", () => {
    const bins = fc
      .uniqueArray(fc.tuple(fc.integer({ min: -100_000, max: 100_000 }), fc.integer({ min: 1, max: 2 ** 40 })), {
        selector: ([bin]) => bin,
        maxLength: limits.sketchBins,
      })
      .map((pairs) => new Map(pairs));
    fc.assert(
      fc.property(bins, bins, fc.nat(), (positive, negative, zero) => {
        const { partial } = samples.partial[0];
        const [part] = partial.parts;
        if (part === undefined) throw new Error("the sample has a part");
        const changed = { ...part, fold: { ...part.fold, sketch: { positive, negative, zero } } };
        const message = { kind: "partial", partial: { ...partial, parts: [changed] } } as const;
        expect(decodeMessage("partial", encodeMessage(message))).toEqual(message);
      }),
      { numRuns: 100 },
    );
  });
});
