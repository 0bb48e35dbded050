// Is the agent of this data directory alive? A local socket beside its data answers from the event loop, so a hung loop gives
// no answer; nothing is written to the card, and the network has no say (a health check that fails with the network makes
// supervisors restart what would have gone on by itself).

import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join, resolve } from "node:path";
import { SkeinError } from "../base/errors.ts";

/** On Windows local sockets live in a name space of their own. */
function socketPath(dataDirectory: string): string {
  const path = join(resolve(dataDirectory), "agent.sock");
  return process.platform === "win32" ? `\\\\.\\pipe\\${path}` : path;
}

/** Serves `answer` (one line of text) to everyone who connects. Resolves with the function that ends it. */
export function serveHealth(dataDirectory: string, answer: () => string): Promise<() => Promise<void>> {
  const path = socketPath(dataDirectory);
  if (process.platform !== "win32") rmSync(path, { force: true }); // left behind by a kill; the data directory is locked by us
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(`${answer()}\n`);
  });
  server.maxConnections = 16;
  return new Promise((done, failed) => {
    server.once("error", (cause) =>
      failed(new SkeinError("data-directory-unusable", `No local socket can be made at ${path}`, cause)),
    );
    server.listen(path, () => done(() => new Promise((ended) => server.close(() => ended()))));
  });
}

/** What the agent of `dataDirectory` answers; fails with `timed-out` when none does within `withinMs`. */
export function askHealth(dataDirectory: string, withinMs: number): Promise<string> {
  const path = socketPath(dataDirectory);
  return new Promise((done, failed) => {
    const socket = connect(path);
    let text = "";
    socket.setTimeout(withinMs, () => socket.destroy(new Error(`no answer within ${withinMs} ms`)));
    socket.setEncoding("utf8");
    socket.on("data", (data: string) => {
      text += data;
    });
    socket.on("end", () => done(text.trim()));
    socket.on("error", (cause) =>
      failed(new SkeinError("timed-out", `No agent answers at ${path}: ${cause.message}`, cause)),
    );
  });
}
