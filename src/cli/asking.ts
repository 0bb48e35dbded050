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

/** `otherwise`: what to say where nobody can be asked. */
export async function isConfirmed(question: string, otherwise: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new SkeinError("invalid-argument", `Nobody can be asked here: say ${otherwise}`);
  const questions = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await questions.question(`${question} [y/N] `);
  questions.close();
  return /^y(es)?$/i.test(answer.trim());
}
