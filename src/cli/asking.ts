// Whom a command stands for, and whether that person means it.

import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";
import { SkeinError } from "../base/errors.ts";

/** A user without a name (a container's number) is no reason not to go on. */
export function authorName(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}

/** One line that a person types. `otherwise`: what to say where nobody can be asked; fails with `invalid-argument` there. */
export async function ask(question: string, otherwise: string): Promise<string> {
  if (!process.stdin.isTTY) throw new SkeinError("invalid-argument", `Nobody can be asked here: say ${otherwise}`);
  const questions = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await questions.question(question);
  questions.close();
  return answer;
}

/** `otherwise`: as `ask`. */
export async function isConfirmed(question: string, otherwise: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} [y/N] `, otherwise)).trim());
}
