// Serves the page and, on the same port, MQTT over WebSocket: what a browser sends is passed to the site's broker byte by byte.
// So the page works with any broker, also one that speaks no WebSocket, and stays there while the broker is down.

import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";
import { SkeinError } from "../src/base/errors.ts";
import type { SiteId } from "../src/base/ids.ts";
import { packagePath } from "./package-root.ts";

export interface PageServerOptions {
  readonly site: SiteId;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly broker: { readonly host: string; readonly port: number };
}

export interface PageServer {
  readonly url: string;
  /** Cuts off all browsers. */
  stop(): Promise<void>;
}

/** A browser only sends CONNECT, SUBSCRIBE and PINGREQ. */
const messageBytesMax = 16 * 1024;
const browsersMax = 64;
const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self' ws: wss:",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** Fails with `port-in-use`, naming the port. */
export async function servePage(options: PageServerOptions): Promise<PageServer> {
  const source = await readFile(packagePath("firmware-sim", "page", "index.html"), "utf8");
  const page = source.replace('name="skein-site" content=""', `name="skein-site" content="${options.site}"`);
  const browsers = new WebSocketServer({
    noServer: true,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has("mqtt") ? "mqtt" : false),
  });
  const server = createServer((request, response) => answer(request, response, page));
  server.on("upgrade", (request, socket, head) => {
    if (!isOwnPage(request) || request.url !== "/mqtt" || browsers.clients.size >= browsersMax) {
      socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n");
      return;
    }
    browsers.handleUpgrade(request, socket, head, (webSocket) => {
      join(createWebSocketStream(webSocket), connect({ ...options.broker, noDelay: true }));
    });
  });
  const port = await listen(server, options);
  return {
    url: `http://${options.host}:${port}/`,
    stop: () =>
      new Promise((resolve) => {
        for (const browser of browsers.clients) browser.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, page: string): void {
  const isPage = request.url === "/" && (request.method === "GET" || request.method === "HEAD");
  response.writeHead(isPage ? 200 : 404, {
    ...headers,
    "content-type": `text/${isPage ? "html" : "plain"}; charset=utf-8`,
  });
  response.end(isPage ? (request.method === "GET" ? page : undefined) : "There is only one page here: /\n");
}

/** A page from elsewhere must not reach the broker through the visitor's browser. */
function isOwnPage({ headers: { origin, host } }: IncomingMessage): boolean {
  return origin === undefined || origin === `http://${host}`;
}

/** Whichever side ends or fails, the other ends too. */
function join(browser: Duplex, broker: Duplex): void {
  const end = (): void => {
    browser.destroy();
    broker.destroy();
  };
  for (const side of [browser, broker]) side.on("error", end).on("close", end);
  browser.pipe(broker).pipe(browser);
}

async function listen(server: Server, { host, port }: PageServerOptions): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new SkeinError("port-in-use", `The page cannot listen on ${host}:${port}: ${cause.message}`, cause));
    });
    server.listen({ host, port }, resolve);
  });
  return (server.address() as AddressInfo).port;
}
