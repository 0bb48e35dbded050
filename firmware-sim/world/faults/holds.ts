// What several faults may do to one thing at the same time. Each holds it in a state until it ends: the newest hold is in force, when it
// ends the one before is again, and with the last one the thing is as it was. So no fault ends another one.

/** `Thing`: a machine, a card, a broker … `State`: how strong, where it has degrees; else `true`. */
export class Holds<Thing extends object, State> {
  readonly #apply: (thing: Thing, state: State | undefined) => void;
  readonly #held = new WeakMap<Thing, readonly { readonly state: State }[]>();

  /** `apply` is told the state in force; undefined: nothing holds the thing any more. */
  constructor(apply: (thing: Thing, state: State | undefined) => void) {
    this.#apply = apply;
  }

  /** Until what it answers is called. */
  begin(thing: Thing, state: State): () => void {
    const own = { state };
    this.#held.set(thing, [...this.#of(thing), own]);
    this.#apply(thing, state);
    return () => {
      const before = this.#of(thing);
      if (!before.includes(own)) return;
      const after = before.filter((each) => each !== own);
      this.#held.set(thing, after);
      const [was, is] = [before.at(-1)?.state, after.at(-1)?.state];
      if (is !== was) this.#apply(thing, is);
    };
  }

  isHeld(thing: Thing): boolean {
    return this.#of(thing).length > 0;
  }

  #of(thing: Thing): readonly { readonly state: State }[] {
    return this.#held.get(thing) ?? [];
  }
}

/** Ends all of them. */
export const together =
  (ends: readonly (() => void)[]): (() => void) =>
  () => {
    for (const end of ends) end();
  };
