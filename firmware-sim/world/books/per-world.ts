// Books that several checkers share: one of a kind in each world, made for whoever asks first.

import type { CheckedWorld } from "../checker.ts";

export function perWorld<Books extends object>(make: (world: CheckedWorld) => Books): (world: CheckedWorld) => Books {
  const known = new WeakMap<CheckedWorld, Books>();
  return (world) => {
    const books = known.get(world) ?? make(world);
    known.set(world, books);
    return books;
  };
}
