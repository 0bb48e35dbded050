// Colours that a terminal may not have: each style is a function, and without colour it changes nothing.

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const;

export type Style = { readonly [Name in keyof typeof codes]: (text: string) => string };

const introducer = "\u001b";

export function style(hasColor: boolean): Style {
  const paint = (code: number) => (text: string) => (hasColor ? `${introducer}[${code}m${text}${introducer}[0m` : text);
  return {
    bold: paint(codes.bold),
    dim: paint(codes.dim),
    red: paint(codes.red),
    green: paint(codes.green),
    yellow: paint(codes.yellow),
    blue: paint(codes.blue),
    magenta: paint(codes.magenta),
    cyan: paint(codes.cyan),
  };
}

/** https://no-color.org: any value of NO_COLOR but the empty one switches colour off. */
export function hasColor(environment: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  const { NO_COLOR, TERM } = environment;
  return isTerminal && (NO_COLOR === undefined || NO_COLOR === "") && TERM !== "dumb";
}

const styleCodes = new RegExp(`${introducer}\\[\\d+m`, "g");

/** Columns that the text takes; everything printed here is one column per character. */
export const widthOf = (text: string): number => Array.from(text.replace(styleCodes, "")).length;

/** Exactly `width` columns: cut, or filled with spaces. */
export function column(text: string, width: number): string {
  const missing = width - widthOf(text);
  return missing >= 0 ? text + " ".repeat(missing) : cut(text, width);
}

/** At most `width` columns; an ellipsis says that something is left out. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width <= 0) return "";
  let columns = 0;
  let out = "";
  for (const piece of text.split(new RegExp(`(${introducer}\\[\\d+m)`))) {
    if (piece.startsWith(introducer)) {
      out += piece;
      continue;
    }
    for (const character of piece) {
      if (columns === width - 1) return `${out}…${out.includes(introducer) ? `${introducer}[0m` : ""}`;
      out += character;
      columns += 1;
    }
  }
  return out;
}
