// A series as one line of block characters: the lowest value is the lowest block, the highest the full one.

const blocks = "▁▂▃▄▅▆▇█";

/** The newest `width` values; what is no number is a space. */
export function sparkLine(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const known = shown.filter(Number.isFinite);
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  const block = (value: number): string => {
    if (!Number.isFinite(value)) return " ";
    const height = span === 0 ? 3 : Math.round(((value - low) / span) * (blocks.length - 1));
    return blocks[height] ?? " ";
  };
  return shown.map(block).join("").padStart(width);
}
