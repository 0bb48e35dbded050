// What changes the site is asked once more, unless --yes was said.

import { createInterface } from "node:readline/promises";
import { SkeinError } from "../base/errors.ts";

/** Fails with `invalid-argument` where nobody can be asked. */
export async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new SkeinError("invalid-argument", `Nobody can be asked here: say --yes. ${question}`);
  const questions = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await questions.question(`${question} [y/N] `);
  questions.close();
  return /^y(es)?$/i.test(answer.trim());
}
