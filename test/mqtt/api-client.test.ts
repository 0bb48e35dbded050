import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock } from "../../firmware-sim/virtual-clock.ts";
import { deviceId } from "../../src/base/ids.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { ApiClient, type ApiOutcome } from "../../src/mqtt/api-client.ts";
import type { ApiResult } from "../../src/mqtt/site-codec.ts";
import { site, TestSite } from "./site-of-devices.ts";

const url = "mqtt://one:1883";

function start() {
  const world = new TestSite([url]);
  world.network.addBroker(url);
  const device = world.device("pi");
  const client = new ApiClient(
    { clock: new VirtualClock(world.time), random: new SeededRandom(5), links: world.network.device("laptop") },
    { site, broker: { url }, name: "cli" },
    { changed: () => undefined },
  );
  client.start();
  world.time.run(seconds(1));
  const outcomes: ApiOutcome[] = [];
  const ask = (name: string, argument: unknown = null, to = "pi") =>
    client.ask({ device: deviceId(to), name, argument, timeout: milliseconds(500) }, (outcome) =>
      outcomes.push(outcome),
    );
  /** Answers the question that the device heard last. */
  const answer = (part: number, isLast: boolean, result: ApiResult, id?: number) => {
    const question = device.received.at(-1);
    if (question?.message.kind !== "api-question") throw new Error("nothing was asked");
    const message = { kind: "api-answer", id: id ?? question.message.id, part, isLast, result } as const;
    device.brokerSet.send(question.from, message, question.via);
    world.time.run(milliseconds(100));
  };
  return { world, device, client, outcomes, ask, answer };
}

describe("ApiClient", () => {
  it("finds devices by their presence, asks one and gets its answer", () => {
    const { world, client, device, outcomes, ask, answer } = start();
    expect(client.devices()).toEqual(["pi"]);
    ask("status", { verbose: true });
    world.time.run(milliseconds(100));
    expect(device.received.at(-1)?.message).toMatchObject({ name: "status", argument: { verbose: true } });
    answer(0, true, { isOk: true, value: { term: 7 } });
    expect(outcomes).toEqual([{ kind: "answer", value: { term: 7 }, isLast: true }]);
  });

  it("tells the parts of a long answer in order, repeated ones once, and ends when one is missing", () => {
    const { world, outcomes, ask, answer } = start();
    ask("history");
    world.time.run(milliseconds(100));
    answer(0, false, { isOk: true, value: "a" });
    answer(0, false, { isOk: true, value: "a" });
    answer(1, false, { isOk: true, value: "b" });
    answer(3, true, { isOk: true, value: "d" });
    answer(2, true, { isOk: true, value: "c" });
    expect(outcomes).toEqual([
      { kind: "answer", value: "a", isLast: false },
      { kind: "answer", value: "b", isLast: false },
      { kind: "timed-out" },
    ]);
  });

  it("a refusal carries its code; what answers nothing that was asked is ignored", () => {
    const { world, outcomes, ask, answer } = start();
    ask("apply");
    world.time.run(milliseconds(100));
    answer(0, true, { isOk: true, value: "of another question" }, 99);
    answer(0, true, { isOk: false, code: "refused", message: "stale revision" });
    expect(outcomes).toEqual([{ kind: "refused", code: "refused", message: "stale revision" }]);
  });

  it("no answer in time, and a stop, end as timed out: unknown", async () => {
    const { world, client, outcomes, ask } = start();
    ask("apply");
    world.time.run(seconds(1));
    expect(outcomes).toEqual([{ kind: "timed-out" }]);
    ask("apply");
    const stopped = client.stop();
    world.time.run(seconds(1));
    await stopped;
    expect(outcomes).toEqual([{ kind: "timed-out" }, { kind: "timed-out" }]);
  });

  it("says why it did not ask: absent, not connected, too much", () => {
    const { world, outcomes, ask } = start();
    ask("status", null, "stranger");
    ask("status", "x".repeat(70_000));
    for (let i = 0; i < 65; i++) ask("status");
    world.time.run(milliseconds(10));
    world.network.broker(url).crash();
    world.time.run(milliseconds(10));
    ask("status");
    world.time.run(milliseconds(10));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["absent", "too-much", "too-much", "not-connected"]);
  });
});
