// `npm start -- --devices 5` appends to what the script already says, so of a repeated option the last one counts, except
// where each counts. yargs can only have one rule for all options; this is the second one.

/** Reduces repeated options to their last value, in place; `repeatable` ones stay lists. */
export function lastWins(args: Record<string, unknown>, repeatable: ReadonlySet<string>): void {
  for (const [name, value] of Object.entries(args)) {
    if (name !== "_" && Array.isArray(value) && !repeatable.has(name)) args[name] = value.at(-1);
  }
}
