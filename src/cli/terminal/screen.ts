// A full-screen view on a terminal: draws only the lines that changed, and gives the terminal back as it was, however the
// program ends (ECMA-48 and xterm's private modes 25 and 1049).

const introducer = "\u001b[";
const sequence = {
  enter: `${introducer}?1049h${introducer}?25l${introducer}?7l`,
  leave: `${introducer}?7h${introducer}?25h${introducer}?1049l`,
  clear: `${introducer}2J`,
  line: (row: number) => `${introducer}${row + 1};1H`,
  endOfLine: `${introducer}K`,
} as const;

/** What a screen needs of `process.stdout` and `process.stdin`. */
export interface ScreenOutput {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): boolean;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

export interface ScreenInput {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  on(event: "data", listener: (data: Buffer) => void): unknown;
  off(event: "data", listener: (data: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

export interface ScreenOptions {
  readonly output: ScreenOutput;
  readonly input: ScreenInput;
  /** Called for each key; Ctrl-C comes as `quit`. */
  readonly key: (name: string) => void;
  /** Registers what must happen when the program ends in any way; returns how to take it back. */
  readonly atExit: (restore: () => void) => () => void;
}

export class Screen {
  readonly #options: ScreenOptions;
  #drawn: string[] = [];
  #isOpen = false;
  #lines: readonly string[] = [];
  #forgetExit: (() => void) | undefined;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  get size(): { columns: number; rows: number } {
    const { columns = 80, rows = 24 } = this.#options.output;
    return { columns: Math.max(1, columns), rows: Math.max(1, rows) };
  }

  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const { output, input, atExit } = this.#options;
    output.write(sequence.enter + sequence.clear);
    output.on("resize", this.#resized);
    if (input.isTTY === true) {
      input.setRawMode?.(true);
      input.on("data", this.#typed);
      input.resume();
    }
    this.#forgetExit = atExit(() => this.close());
  }

  /** Lines beyond the screen are left out; each must already fit its width. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    this.#lines = lines;
    const { rows } = this.size;
    let changes = "";
    for (let row = 0; row < rows; row++) {
      const line = lines[row] ?? "";
      if (this.#drawn[row] === line) continue;
      this.#drawn[row] = line;
      changes += sequence.line(row) + line + sequence.endOfLine;
    }
    if (changes !== "") this.#options.output.write(changes);
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { output, input } = this.#options;
    output.off("resize", this.#resized);
    input.off("data", this.#typed);
    if (input.isTTY === true) {
      input.setRawMode?.(false);
      input.pause();
    }
    output.write(sequence.leave);
    this.#forgetExit?.();
  }

  readonly #resized = (): void => {
    this.#drawn = [];
    this.#options.output.write(sequence.clear);
    this.draw(this.#lines);
  };

  readonly #typed = (data: Buffer): void => {
    const text = data.toString("latin1");
    if (text.startsWith("\u001b")) return; // arrow keys and the like
    for (const character of text) {
      const isControlC = character === "\u0003";
      this.#options.key(isControlC ? "quit" : character);
    }
  };
}
