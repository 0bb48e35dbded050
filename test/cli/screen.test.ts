import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { Screen } from "../../src/cli/terminal/screen.ts";
import { sparkLine } from "../../src/cli/terminal/spark-line.ts";
import { column, cut, style, widthOf } from "../../src/cli/terminal/style.ts";

function terminal() {
  const written: string[] = [];
  const raw: boolean[] = [];
  const keys: string[] = [];
  const output = Object.assign(new EventEmitter(), {
    columns: 20,
    rows: 3,
    write: (text: string) => written.push(text) > 0,
  });
  const input = Object.assign(new EventEmitter(), {
    isTTY: true,
    setRawMode: (on: boolean) => raw.push(on),
    resume: () => undefined,
    pause: () => undefined,
  });
  let restore = () => {};
  const screen = new Screen({
    output,
    input,
    key: (name) => keys.push(name),
    atExit: (task) => {
      restore = task;
      return () => {
        restore = () => {};
      };
    },
  });
  return { screen, output, input, written, raw, keys, crash: () => restore() };
}

it("draws only the lines that changed", () => {
  const { screen, written } = terminal();
  screen.open();
  screen.draw(["a", "b", "c", "beyond the screen"]);
  written.length = 0;
  screen.draw(["a", "B", "c"]);
  expect(written).toEqual(["\u001b[2;1HB\u001b[K"]);
  screen.draw(["a", "B", "c"]);
  expect(written).toHaveLength(1);
});

it("draws everything again when the terminal changes its size", () => {
  const { screen, output, written } = terminal();
  screen.open();
  screen.draw(["a", "b", "c"]);
  written.length = 0;
  output.rows = 2;
  output.emit("resize");
  expect(written.join("")).toBe("\u001b[2J\u001b[1;1Ha\u001b[K\u001b[2;1Hb\u001b[K");
});

it.each(["close", "crash"] as const)(
  "gives the terminal back after a %s: cursor, screen, wrapping, cooked mode",
  (how) => {
    const { screen, output, input, written, raw, crash } = terminal();
    screen.open();
    expect(written[0]).toContain("\u001b[?1049h\u001b[?25l\u001b[?7l");
    written.length = 0;
    if (how === "crash") crash();
    else screen.close();
    screen.close();
    expect(written).toEqual(["\u001b[?7h\u001b[?25h\u001b[?1049l"]);
    expect(raw).toEqual([true, false]);
    expect([output.listenerCount("resize"), input.listenerCount("data")]).toEqual([0, 0]);
    screen.draw(["too late"]);
    expect(written).toHaveLength(1);
  },
);

it("hands over keys, Ctrl-C as quit, and no arrow keys", () => {
  const { screen, input, keys } = terminal();
  screen.open();
  for (const typed of ["k", "\u001b[A", "dd", "\u0003"]) input.emit("data", Buffer.from(typed));
  expect(keys).toEqual(["k", "d", "d", "quit"]);
});

it("cuts and fills by columns, not by bytes, and closes the colour that it cuts", () => {
  const paint = style(true);
  expect(cut("temperature", 5)).toBe("temp…");
  expect(cut(paint.red("temperature"), 5)).toBe("\u001b[31mtemp…\u001b[0m");
  expect(widthOf(column(paint.red("abc"), 6))).toBe(6);
  expect([cut("abc", 0), cut("abc", 3), column("abc", 2)]).toEqual(["", "abc", "a…"]);
});

it("draws a spark line from the lowest to the highest value, the newest on the right", () => {
  expect(sparkLine([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe("▁▂▃▄▅▆▇█");
  expect(sparkLine([5, 0, 7], 2)).toBe("▁█");
  expect(sparkLine([3, 3], 4)).toBe("  ▄▄");
  expect(sparkLine([1, Number.NaN, 2], 3)).toBe("▁ █");
  expect(sparkLine([], 2)).toBe("  ");
});
