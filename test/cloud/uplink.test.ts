// DESIGN §9: the cloud misses nothing, in order, whatever happens to the link and to the coordinator.

import { describe, expect, it } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { UplinkWorld, upTo } from "./uplink-world.ts";

describe("an uplink", () => {
  it("publishes the items in the order of their numbers, and commits the cursor (100 items)", () => {
    const world = new UplinkWorld();
    const { uplink } = world.device("a");
    world.outbox.add(40);
    uplink.start();
    world.run(1_000);
    world.outbox.add(60);
    uplink.outboxChanged();
    world.run(10_000);
    expect(world.numbers).toEqual(upTo(100));
    expect(world.outbox.proposals).toEqual([32, 64, 96, 100]);
    expect(world.received.every(({ topic }) => topic.startsWith("skein/1/house/aggregates/all/g"))).toBe(true);
    expect(uplink.status()).toMatchObject({
      isConnected: true,
      acknowledged: 100,
      waiting: 0,
      sent: 100,
      problem: undefined,
    });
  });

  it("commits the cursor 5 s after an item that no 32nd follows, and again while the proposal is lost", () => {
    const world = new UplinkWorld();
    const device = world.device("a");
    device.isCursorLost = true;
    world.outbox.add(1);
    device.uplink.start();
    world.run(4_900);
    expect(world.outbox.proposals).toEqual([]);
    world.run(200);
    expect(world.outbox.proposals).toEqual([1]);
    device.isCursorLost = false;
    world.run(5_000);
    expect(world.outbox.proposals).toEqual([1, 1]);
    world.run(60_000);
    expect(world.outbox.proposals).toEqual([1, 1]);
  });

  it("says once that it is away, and why for as long as it is (an hour)", () => {
    const world = new UplinkWorld();
    const { uplink, warnings } = world.device("a");
    uplink.start();
    world.run(1_000);
    world.broker.crash();
    world.run(3_600_000);
    expect(warnings).toEqual(["no uplink"]);
    expect(uplink.status()).toMatchObject({ isConnected: false, problem: expect.stringMatching(/.+/) });
    world.broker.restart();
    world.run(60_000);
    world.broker.crash();
    world.run(60_000);
    expect(warnings).toEqual(["no uplink", "no uplink"]);
  });

  it("has a bounded number of items unacknowledged (broker hangs under 100 items)", () => {
    const world = new UplinkWorld();
    const { uplink } = world.device("a");
    uplink.start();
    world.run(100);
    world.broker.hang();
    world.outbox.add(100);
    uplink.outboxChanged();
    world.run(5_000);
    expect(uplink.status()).toMatchObject({ sent: 16, acknowledged: 0, waiting: 100 });
    world.broker.thaw();
    world.run(5_000);
    expect(world.numbers).toEqual(upTo(100));
  });

  it("begins again at the first unacknowledged item when the link was lost, with the same bytes (PUBACKs lost, broker restarted)", () => {
    const world = new UplinkWorld();
    const { uplink } = world.device("a");
    uplink.start();
    world.run(100);
    world.network.cut("a", "mqtt://cloud:1883", "from-broker");
    world.outbox.add(30);
    uplink.outboxChanged();
    world.run(40_000);
    expect(world.numbers.slice(0, 16)).toEqual(upTo(16));
    expect(world.outbox.first).toBe(1);
    world.network.healAll();
    world.run(60_000);
    expect(world.firstOccurrences).toEqual(upTo(30));
    expect(world.numbers.slice(-30)).toEqual(upTo(30));
    const bytes = new Map<number, Set<string>>();
    for (const [place, number] of world.numbers.entries()) {
      const seen = bytes.get(number) ?? new Set();
      bytes.set(number, seen.add(Buffer.from(world.received[place]?.payload ?? []).toString()));
    }
    expect([...bytes.values()].every((versions) => versions.size === 1)).toBe(true);
  });

  // A world's seed: the broker had the item, its PUBACK never came, and the outbox stood still for ever.
  it("dials anew when a PUBACK does not come over a link that stays up (one is lost, the link lives)", () => {
    const world = new UplinkWorld();
    const { uplink } = world.device("a");
    uplink.start();
    world.run(1_000);
    world.broker.loseAcknowledgements(1);
    world.outbox.add(3);
    uplink.outboxChanged();
    world.run(2_000);
    world.broker.loseAcknowledgements(0);
    world.run(50_000);
    expect(uplink.status()).toMatchObject({ isConnected: true, acknowledged: 0 });
    world.run(30_000);
    expect(uplink.status()).toMatchObject({ isConnected: true, acknowledged: 3 });
    expect(world.firstOccurrences).toEqual(upTo(3));
    world.outbox.add(1);
    uplink.outboxChanged();
    world.run(300_000);
    expect(uplink.status()).toMatchObject({ isConnected: true, acknowledged: 4 });
    expect(world.numbers.filter((number) => number === 4)).toEqual([4]);
  });

  it("is taken over by the next coordinator, which goes on from the committed cursor (repeats, no gap)", () => {
    const world = new UplinkWorld();
    const [a, b] = [world.device("a"), world.device("b")];
    world.outbox.add(40);
    a.uplink.start();
    world.run(1_000);
    expect(world.outbox.first).toBe(33);
    a.isConfirmed = false;
    world.outbox.add(10);
    b.uplink.start();
    world.run(30_000);
    expect(world.firstOccurrences).toEqual(upTo(50));
    expect(world.numbers.slice(40, 48)).toEqual([33, 34, 35, 36, 37, 38, 39, 40]);
    expect(world.broker.clientIds()).toEqual(["dashboard", "skein-house-uplink"]);
    expect(a.uplink.status().isConnected).toBe(false);
    expect(b.uplink.status().isConnected).toBe(true);
  });

  it("that was cut off asks the site before it connects again, and stays away while it is not confirmed", () => {
    const world = new UplinkWorld();
    const [a, b] = [world.device("a"), world.device("b")];
    a.uplink.start();
    world.run(1_000);
    expect(a.confirmations).toBe(1);
    a.isConfirmed = false;
    b.uplink.start();
    world.run(120_000);
    expect(a.confirmations).toBeGreaterThan(2);
    expect(b.confirmations).toBe(1);
    world.outbox.add(5);
    a.uplink.outboxChanged();
    b.uplink.outboxChanged();
    world.run(1_000);
    expect(a.uplink.status()).toMatchObject({ sent: 0, problem: expect.stringContaining("coordinator") });
    expect(world.numbers).toEqual(upTo(5));
  });

  it("publishes nothing past its authority, even with its link up", () => {
    const world = new UplinkWorld();
    const device = world.device("a");
    device.uplink.start();
    world.run(1_000);
    device.isCoordinator = false;
    world.outbox.add(5);
    device.uplink.outboxChanged();
    device.uplink.publishStatus("site", Buffer.from("{}"), true);
    world.run(10_000);
    expect(world.received).toEqual([]);
    device.isCoordinator = true;
    world.run(2_000);
    expect(world.numbers).toEqual(upTo(5));
  });

  it("publishes nothing after stop, and may be started again", async () => {
    const world = new UplinkWorld();
    const { uplink } = world.device("a");
    uplink.start();
    world.run(1_000);
    const stopped = uplink.stop();
    world.outbox.add(5);
    uplink.outboxChanged();
    world.run(60_000);
    await stopped;
    expect(world.received).toEqual([]);
    uplink.start();
    world.run(1_000);
    expect(world.numbers).toEqual(upTo(5));
  });

  it("says again on each connection what the broker shall keep, and drops the rest while there is no link (broker restarted)", () => {
    const world = new UplinkWorld();
    const { uplink } = world.device("a");
    uplink.publishStatus("site", Buffer.from('{"coordinator":"a"}'), true);
    uplink.publishStatus("events/joined", Buffer.from("{}"), false);
    uplink.start();
    world.run(1_000);
    world.broker.crash();
    world.run(1_000);
    world.broker.restart();
    world.run(60_000);
    expect(world.received.map(({ topic }) => topic)).toEqual(["skein/1/house/site", "skein/1/house/site"]);
  });

  it("tells for how many days the outbox has room at the present rate (one item a second)", () => {
    const world = new UplinkWorld();
    const { uplink } = world.device("a");
    uplink.start();
    expect(uplink.status().daysOfRoom).toBeUndefined();
    for (let second = 0; second < 600; second++) {
      world.outbox.add(1);
      uplink.outboxChanged();
      world.run(1_000);
    }
    const itemBytes = "skein/1/house/aggregates/all/g0".length + '{"id":"1.100"}'.length;
    const days = limits.outboxHighBytes / (itemBytes * 86_400);
    expect(uplink.status().daysOfRoom).toBeGreaterThan(days * 0.9);
    expect(uplink.status().daysOfRoom).toBeLessThan(days * 1.1);
  });

  it("tells for how many days there is room also when not one item could be sent (an uplink that never was there)", () => {
    const world = new UplinkWorld();
    world.broker.crash();
    const { uplink } = world.device("a");
    uplink.start();
    for (let second = 0; second < 600; second++) {
      world.outbox.add(1);
      uplink.outboxChanged();
      world.run(1_000);
    }
    const bytesPerDay = (world.outbox.bytes / 600) * 86_400;
    const days = limits.outboxHighBytes / bytesPerDay;
    expect(uplink.status().daysOfRoom).toBeGreaterThan(days * 0.9);
    expect(uplink.status().daysOfRoom).toBeLessThan(days * 1.1);
  });
});
