// The rules of counting, each of which the model can be run without. Every one must then be caught: a checker that finds
// nothing wrong with a broken protocol proves nothing about the whole one.

import type { FreezingRule } from "./freezing-rules.ts";

export const rules = {
  "compare-from": "a count applies only if each move begins where its origin stands",
  "whole-entry": "an entry whose moves do not all match changes nothing",
  "synced-only": "only readings whose sync returned are folded",
  "compare-revision": "a count folded under another revision is refused",
  "stamp-max": "new definitions begin after every stamp that is counted",
  "gone-origin": "an origin that was removed never counts again",
  heir: "an incarnation that has the old readings goes on where the old one stopped",
  "number-at-writing": "a reading's number is given in the order of writing",
  "forget-in-flight": "what is in flight is forgotten when an entry is refused",
} as const;

export type Rule = keyof typeof rules | FreezingRule;
