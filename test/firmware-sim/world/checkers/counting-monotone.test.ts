import { it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { countingMonotone } from "../../../../firmware-sim/world/checkers/counting-monotone.ts";
import { type CheckedLife, CheckedSite, expectCaught, firstOf } from "./checked-site.ts";

const minute = 60_000;
const watched = (): CheckedSite => new CheckedSite([siteBooks, countingMonotone]);

/** `change` is done to the JSON of each item that the replica makes. */
function tells({ replica: { state } }: CheckedLife, change: (json: string) => string): void {
  const { outbox } = state;
  const honest = outbox.item.bind(outbox);
  outbox.item = (number) => {
    const item = honest(number);
    return item && { ...item, payload: Buffer.from(change(Buffer.from(item.payload).toString())) };
  };
}

it("moves that follow each other, and editions that grow", () => {
  const site = watched();
  site.take("a", [11, 12, 13]);
  site.count("a", 0, 1);
  site.now += 2 * minute;
  site.close();
  site.count("a", 1, 3);
  site.now += 2 * minute;
  site.close();
});

it("caught: an entry that moves an origin on from where it does not stand", () => {
  const site = watched();
  site.take("a", [11, 12, 13]);
  site.count("a", 0, 2);
  site.lives.splice(1);
  const { state } = firstOf(site).replica;
  state.apply = ({ index }) => ({ outcome: { kind: "done", index }, touched: new Set(), moves: [] });
  state.counted = () => 3;
  expectCaught("counting-monotone", () => site.count("a", 1, 3));
});

it("caught: a replica that does not stand where the entry moved it", () => {
  const site = watched();
  site.take("a", [11, 12, 13]);
  firstOf(site).replica.state.counted = () => 1;
  expectCaught("counting-monotone", () => site.count("a", 0, 2));
});

it("caught: an edition with fewer readings than the one before", () => {
  const site = watched();
  for (const life of site.lives) tells(life, (json) => json.replace('"count":3', '"count":1'));
  site.take("a", [11, 12, 13]);
  site.count("a", 0, 2);
  site.now += 2 * minute;
  site.close();
  site.count("a", 2, 3);
  site.now += 2 * minute;
  expectCaught("counting-monotone", () => site.close());
});

it("caught: an edition number left out", () => {
  const site = watched();
  for (const life of site.lives) tells(life, (json) => json.replace('"edition":2', '"edition":3'));
  site.take("a", [11, 12, 13]);
  site.count("a", 0, 2);
  site.now += 2 * minute;
  site.close();
  site.count("a", 2, 3);
  site.now += 2 * minute;
  expectCaught("counting-monotone", () => site.close());
});
