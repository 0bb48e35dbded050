// Clients that fell silent for ever would leave the storm unwatched: most of what checkers see, clients ask for.

import { expect, it } from "vitest";
import { VirtualClock } from "../../../firmware-sim/virtual-clock.ts";
import type { ClientOperation } from "../../../firmware-sim/world/checker.ts";
import { brokerUrl } from "../../../firmware-sim/world/names.ts";
import { RegisterClient } from "../../../firmware-sim/world/register-client.ts";
import { changed, firstConfiguration } from "../../../firmware-sim/world/site-configuration.ts";
import { World } from "../../../firmware-sim/world/world.ts";
import { seconds } from "../../../src/base/units.ts";
import { bareSite } from "./bare-site.ts";

const plan = bareSite;

/** A site of one device, and a client at its broker. */
async function clientOf(seed: number) {
  const world = new World(seed, plan, []);
  world.machines[0]?.powerOn();
  const operations: ClientOperation[] = [];
  const random = world.random.fork("client");
  const habits = { pause: seconds(1), writes: 0, echoes: 0, isImpatient: false };
  const client = new RegisterClient("client", habits, {
    clock: new VirtualClock(world.time),
    random,
    links: world.network.device("client"),
    broker: brokerUrl(1),
    change: (before) =>
      before.devices.size === 0 ? firstConfiguration(plan, ["pi-1"]) : changed(before, plan, random),
    mayWrite: () => true,
    operation: (operation) => operations.push(operation),
    broken: (failure) => world.break(failure),
  });
  await world.runUntil(() => world.coordinator() !== undefined, seconds(10));
  const during = async <Result>(task: () => Promise<Result>): Promise<Result | undefined> => {
    let result: Result | undefined;
    let isOver = false;
    task().then(
      (value) => {
        result = value;
        isOver = true;
      },
      (failure: unknown) => world.break(failure),
    );
    await world.runUntil(() => isOver, seconds(60));
    return result;
  };
  return { world, client, during, operations };
}

// Seed 9001 (7 devices, 10 minutes): the healer's first write was lost, and it was refused for the rest of the run, 5,000 times.
it("a client whose first write was lost begins a new session, and writes on", async () => {
  const { world, client, during, operations } = await clientOf(1);
  expect(await during(() => client.readForWriting())).toBe(true);
  const clear = world.network.beginWeather({ loss: 1 });
  expect(await during(() => client.write())).toBe(false);
  clear();
  await world.run(seconds(30)); // it connects again, if it has to
  const outcomes: unknown[] = [];
  for (let attempt = 0; attempt < 3; attempt++) outcomes.push(await during(() => client.write()));
  expect(outcomes).toEqual([false, true, true]);
  // What is refused for its session alone may be there all the same, once what was sent before it in the session arrives.
  expect(operations.filter(({ kind }) => kind === "write").map(({ outcome }) => outcome)).toEqual([
    "unknown",
    "unknown",
    "done",
    "done",
  ]);
});
