// YAML that a person wrote, read with the place of everything, so that each problem names its line (YAML 1.2, core schema).
//
// Problem: a library that hands over plain objects has forgotten where they stood, stops at the first error, and follows
// aliases into a memory full of copies. Idea: walk the syntax tree ourselves, ask each node for the one thing that may stand
// there, and collect what is wrong. Aliases, anchors and tags are refused: a configuration needs none.

import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { parseDuration } from "../base/duration-text.ts";
import { isSkeinError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Duration } from "../base/units.ts";
import { didYouMean } from "./did-you-mean.ts";

export interface FileProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** The way to it: `sensors.door.interval`; empty for the file itself. */
  readonly key: string;
  /** What was expected, and what was found. */
  readonly message: string;
}

/** A value in the file and the way to it. */
export interface Field {
  readonly key: string;
  /** `null`: nothing was written after the colon. */
  readonly node: Node | null;
}

const problemsMax = 100;
const depthMax = 32;

export class YamlReader {
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #places = new Map<string, number>();
  readonly #problems: (FileProblem & { readonly offset: number })[] = [];
  readonly root: Field;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#places.set("", 0);
    const document = this.#parse(text);
    this.root = { key: "", node: document?.contents ?? null };
  }

  /** In the order of lines, at most a hundred. */
  get problems(): readonly FileProblem[] {
    const inOrder = this.#problems.toSorted((a, b) => a.offset - b.offset).slice(0, problemsMax);
    return inOrder.map(({ file, line, column, key, message }) => ({ file, line, column, key, message }));
  }

  /** At the key, or at the nearest one above it that is written. */
  problem(key: string, message: string): void {
    let written = key;
    while (!this.#places.has(written)) written = written.slice(0, Math.max(0, written.lastIndexOf(".")));
    this.#report(this.#places.get(written) ?? 0, key, message);
  }

  /** The map's fields by name. With `known`: any other name is a problem. */
  map({ key, node }: Field, known?: readonly string[]): ReadonlyMap<string, Field> {
    const fields = new Map<string, Field>();
    if (!this.#isPlain(key, node)) return fields;
    if (node === null || (isScalar(node) && node.value === null)) return fields;
    if (!isMap(node)) {
      this.problem(key, `expected keys and values, found ${describe(node)}`);
      return fields;
    }
    for (const pair of node.items) {
      if (!isScalar(pair.key)) {
        this.problem(key, "a key must be a plain word");
        continue;
      }
      const name = String(pair.key.source ?? pair.key.value);
      const path = key === "" ? name : `${key}.${name}`;
      const offset = pair.key.range?.[0] ?? 0;
      if (fields.has(name)) this.#report(offset, path, "is written twice");
      else if (known !== undefined && !known.includes(name)) {
        this.#report(offset, path, `there is no such key${didYouMean(name, known)}; known: ${known.join(", ")}`);
      } else {
        this.#places.set(path, offset);
        fields.set(name, { key: path, node: pair.value as Node | null });
      }
    }
    return fields;
  }

  /** The field `name` of a map, if there is one; the others are not judged yet. */
  peek({ key, node }: Field, name: string): Field | undefined {
    const pair = isMap(node) ? node.items.find((each) => isScalar(each.key) && each.key.value === name) : undefined;
    if (pair === undefined) return undefined;
    const path = `${key}.${name}`;
    this.#places.set(path, (pair.key as Node).range?.[0] ?? 0);
    return { key: path, node: pair.value as Node | null };
  }

  /** Text, or a number as it is written. */
  text(field: Field | undefined): string | undefined {
    const value = this.#scalar(field, "text");
    if (typeof value === "string") return value;
    if (typeof value === "number") return isScalar(field?.node) ? (field.node.source ?? String(value)) : undefined;
    if (value !== undefined && field !== undefined) {
      this.problem(field.key, `expected text, found ${describe(field.node)}; put it into quotes if it is meant so`);
    }
    return undefined;
  }

  number(field: Field | undefined): number | undefined {
    const value = this.#scalar(field, "a number");
    if (typeof value === "number" && !Number.isNaN(value)) return value;
    if (value !== undefined && field !== undefined) {
      this.problem(field.key, `expected a number, found ${describe(field.node)}`);
    }
    return undefined;
  }

  duration(field: Field | undefined): Duration | undefined {
    const value = this.#scalar(field, "a span of time such as 10s or 1m");
    if (value === undefined || field === undefined) return undefined;
    try {
      if (typeof value === "string") return parseDuration(value, field.key);
    } catch (failure) {
      if (!isSkeinError(failure)) throw failure;
    }
    const hint = typeof value === "number" ? `; which unit? ${value}s or ${value}ms` : "";
    this.problem(
      field.key,
      `expected a span of time such as 500ms, 10s, 1m or 1h30m, found ${describe(field.node)}${hint}`,
    );
    return undefined;
  }

  list(field: Field | undefined): readonly Field[] | undefined {
    if (field === undefined || !this.#isPlain(field.key, field.node)) return undefined;
    if (isSeq(field.node)) return field.node.items.map((node) => ({ key: field.key, node: node as Node | null }));
    this.problem(field.key, `expected a list such as [a, b], found ${describe(field.node)}`);
    return undefined;
  }

  #parse(text: string): Document.Parsed | undefined {
    if (Buffer.byteLength(text) > limits.configurationBytes) {
      this.#report(0, "", `the file has more than ${limits.configurationBytes / 1024} KiB`);
      return undefined;
    }
    if (deepestFlow(text) > depthMax) {
      this.#report(0, "", `brackets stand more than ${depthMax} deep`);
      return undefined;
    }
    const options = { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false, merge: false } as const;
    const document = parseDocument(text, { ...options, version: "1.2", schema: "core" });
    for (const { pos, message } of document.errors) this.#report(pos[0], "", `not YAML: ${message}`);
    return document.errors.length === 0 ? document : undefined;
  }

  /** A scalar's value; a problem if there is something else. `undefined` for an absent field too. */
  #scalar(field: Field | undefined, expected: string): unknown {
    if (field === undefined || !this.#isPlain(field.key, field.node)) return undefined;
    if (isScalar(field.node) && field.node.value !== null) return field.node.value;
    this.problem(field.key, `expected ${expected}, found ${describe(field.node)}`);
    return undefined;
  }

  #isPlain(key: string, node: Node | null): boolean {
    if (isAlias(node)) this.problem(key, "aliases (*name) are not accepted; write the value out");
    else if (node !== null && "anchor" in node && node.anchor !== undefined) {
      this.problem(key, "anchors (&name) are not accepted");
    } else if (node?.tag !== undefined && !/^tag:yaml\.org,2002:(?:map|seq|str|int|float|bool|null)$/.test(node.tag)) {
      this.problem(key, `the tag ${node.tag} is not accepted`);
    } else return true;
    return false;
  }

  #report(offset: number, key: string, message: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.#problems.push({ file: this.#file, line: Math.max(1, line), column: Math.max(1, col), key, message, offset });
  }
}

function describe(node: Node | null): string {
  if (node === null) return "nothing";
  if (isMap(node)) return "keys and values";
  if (isSeq(node)) return "a list";
  if (!isScalar(node)) return "something else";
  if (node.value === null) return "nothing";
  if (typeof node.value === "string") return JSON.stringify(shortened(node.value));
  return shortened(node.source ?? JSON.stringify(node.value));
}

const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);

/** How deep brackets and braces are nested, at most: the parser recurses into them. */
function deepestFlow(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth = Math.max(0, depth - 1);
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}
