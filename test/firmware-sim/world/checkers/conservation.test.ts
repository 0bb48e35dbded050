import { describe, expect, it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { conservation } from "../../../../firmware-sim/world/checkers/conservation.ts";
import { countingCheckers } from "../../../../firmware-sim/world/checkers/counting.ts";
import { sensorId } from "../../../../src/base/ids.ts";
import { limits } from "../../../../src/base/limits.ts";
import { seconds } from "../../../../src/base/units.ts";
import type { CountPart } from "../../../../src/readings/types.ts";
import { configuration, foldOf, sensor } from "../../../site/site-fixture.ts";
import { CheckedSite, expectCaught } from "./checked-site.ts";

const minute = 60_000;
const watched = (devices?: readonly string[], bounds?: ConstructorParameters<typeof CheckedSite>[2]): CheckedSite =>
  new CheckedSite([siteBooks, conservation], devices, bounds);

const withFold =
  (values: readonly number[]) =>
  (parts: readonly CountPart[]): readonly CountPart[] =>
    parts.map((part) => ({ ...part, fold: foldOf(values) }));

describe("windows hold exactly the readings counted", () => {
  it("through counts, closes, late readings, new definitions, heirs and lost cards", () => {
    const site = new CheckedSite(countingCheckers);
    site.take("a", [11, 12, 13]);
    site.take("b", [101, 102]);
    site.count("a", 0, 2);
    site.count("b", 0, 2);
    site.now += minute + 15_000;
    site.close();
    site.count("a", 2, 3);
    site.now += minute;
    site.close();
    site.configure(
      configuration(["a", "b"], {
        aggregations: new Map([
          ["all", aggregation(120)],
          ["each", aggregation(60, "device")],
        ]),
      }),
    );
    site.now += 5 * minute;
    site.take("a", [14, 15]);
    site.count("a", 3, 5);
    site.live("a", 2);
    site.join("a", 2, 1);
    site.take("a", [16]);
    site.count("a", 5, 6, { life: 2 });
    site.tell((checker) => checker.cardLost?.("card of b", "everything"));
    site.live("b", 9, "new card of b");
    site.join("b", 9);
    site.take("b", [201], { card: "new card of b" });
    site.count("b", 0, 1, { card: "new card of b", life: 9 });
    site.commit({ kind: "checkpoint", previous: undefined });
    site.now += 10 * minute;
    site.close();
    const items = (site.lives[0]?.replica.state.outbox.next ?? 1) - 1;
    expect(items).toBeGreaterThan(4);
    for (let number = 1; number <= items; number++) site.tell((checker) => checker.uplink?.(site.upload(number), "a"));
    site.tell((checker) => checker.healed?.());
  });

  it("in a replica that lags, and in one that begins anew", () => {
    const site = watched();
    const [, late] = site.lives;
    if (late !== undefined) site.lagging.add(late);
    site.take("a", [11, 12, 13]);
    site.count("a", 0, 3);
    site.commit({ kind: "checkpoint", previous: undefined });
    if (late !== undefined) site.catchUp(late);
    site.live("a");
  });

  // Seed 26 of the world: a checkpoint between a refused count and the one that applied took the window for one that had left.
  it("in a window that only a refused entry had named before", () => {
    const site = watched(["a"]);
    site.take("a", [11, 12]);
    expect(site.count("a", 1, 2)?.outcome.kind).toBe("refused");
    site.commit({ kind: "checkpoint", previous: undefined });
    site.count("a", 0, 2);
  });

  it("when windows leave the state and their readings come as supplements", () => {
    const site = watched(["a"], { ...limits, windowBytes: 1 });
    site.take("a", [11, 12]);
    site.count("a", 0, 1);
    site.now += 2 * minute;
    site.close();
    expect(site.lives[0]?.replica.state.sizes.windows).toBe(0);
    site.count("a", 1, 2);
    site.now += 2 * minute;
    site.close();
    site.tell((checker) => checker.healed?.());
    expect(site.lives[0]?.replica.state.outbox.next).toBe(3);
  });
});

describe("caught:", () => {
  it("one reading lost", () => {
    const site = watched();
    site.take("a", [11, 12, 13]);
    expectCaught("conservation", () => site.count("a", 0, 3, { parts: withFold([11, 13]) }));
  });

  it("one reading counted twice in another one's place", () => {
    const site = watched();
    site.take("a", [11, 12, 13]);
    expectCaught("conservation", () => site.count("a", 0, 3, { parts: withFold([12, 12, 13]) }));
  });

  it("one lost and another doubled in the same window (as many, another sum)", () => {
    const site = watched();
    site.take("a", [11, 12, 13]);
    expectCaught("conservation", () => site.count("a", 0, 3, { parts: withFold([11, 12, 12]) }));
  });

  it("readings counted in a window that is not theirs", () => {
    const site = watched();
    site.take("a", [11, 12]);
    const elsewhere = (parts: readonly CountPart[]): readonly CountPart[] =>
      parts.map((part) => ({ ...part, key: { ...part.key, group: "humidity" } }));
    expectCaught("conservation", () => site.count("a", 0, 2, { parts: elsewhere }));
  });

  it("readings counted where they did before the configuration changed", () => {
    const site = watched();
    site.now += minute;
    site.configure(
      configuration(["a", "b"], { sensors: new Map([[sensorId("a-t"), sensor("a", { quantity: "heat" })]]) }),
    );
    site.take("a", [11, 12]);
    const before = (parts: readonly CountPart[]): readonly CountPart[] =>
      parts.map((part) => ({ ...part, key: { ...part.key, group: "temperature" } }));
    expectCaught("conservation", () => site.count("a", 0, 2, { parts: before }));
  });

  it("readings that were not synced", () => {
    const site = watched();
    site.take("a", [11]);
    expectCaught("conservation", () => site.count("a", 0, 2));
  });

  it("a replica whose window is another than the others'", () => {
    const site = watched();
    site.take("a", [11, 12, 13]);
    const [, other] = site.lives;
    if (other === undefined) throw new Error("two replicas are needed");
    site.lagging.add(other);
    site.count("a", 0, 2);
    const honest = other.replica.state.window.bind(other.replica.state);
    other.replica.state.window = (key) => {
      const window = honest(key);
      return window === undefined ? undefined : { ...window, packed: `${window.packed}.` };
    };
    expectCaught("conservation", () => site.catchUp(other));
  });

  it("a window that vanishes without having been published", () => {
    const site = watched(["a"]);
    site.take("a", [11, 12, 13]);
    site.count("a", 0, 2);
    const [only] = site.lives;
    if (only === undefined) throw new Error("one replica is needed");
    only.replica.state.allWindows = () => [];
    expectCaught("conservation", () => site.commit({ kind: "checkpoint", previous: undefined }));
  });

  it("an item that tells another count than its window has", () => {
    const site = watched(["a"]);
    site.take("a", [11, 12, 13]);
    site.count("a", 0, 2);
    const { outbox } = site.lives[0]?.replica.state ?? {};
    if (outbox === undefined) throw new Error("one replica is needed");
    const honest = outbox.item.bind(outbox);
    Object.assign(outbox, {
      item: (number: number) => {
        const item = honest(number);
        if (item === undefined) return undefined;
        const payload = Buffer.from(Buffer.from(item.payload).toString().replace('"count":2', '"count":1'));
        return { ...item, payload };
      },
    });
    site.now += 2 * minute;
    expectCaught("conservation", () => site.close());
  });
});

function aggregation(window: number, groupBy = "quantity") {
  return { window: seconds(window), grace: seconds(15), groupBy: [groupBy], where: {} };
}
