import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** `--json`, and `--directory` on the disk that is to be measured (the system's temporary directory by default). */
export function benchArguments(): { readonly isJson: boolean; readonly directory: string } {
  const { values } = parseArgs({
    options: { json: { type: "boolean", default: false }, directory: { type: "string", default: tmpdir() } },
  });
  return { isJson: values.json, directory: mkdtempSync(join(values.directory, "skein-bench-")) };
}
