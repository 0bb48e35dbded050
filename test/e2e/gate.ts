// The way to a broker, which can be opened and cut: connections through an open gate reach it, a closed one refuses them.

import { connect, createServer, type Server, type Socket } from "node:net";

export class Gate {
  readonly #port: number;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  /** Closed at first. Both on 127.0.0.1. */
  constructor(port: number, target: number) {
    this.#port = port;
    this.#target = target;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  open(): Promise<void> {
    const server = createServer((near) => {
      const far = connect(this.#target, "127.0.0.1");
      for (const socket of [near, far]) {
        socket.setNoDelay(true);
        this.#sockets.add(socket);
        socket.once("error", () => socket.destroy());
        socket.once("close", () => {
          this.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far);
      far.pipe(near);
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
  }

  /** Cuts all that goes through it. Idempotent. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
