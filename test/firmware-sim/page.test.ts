import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { runInNewContext } from "node:vm";
import { Aedes } from "aedes";
import { afterEach, beforeEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import { packagePath } from "../../firmware-sim/package-root.ts";
import { type PageServer, servePage } from "../../firmware-sim/page-server.ts";
import { siteId } from "../../src/base/ids.ts";

interface Subscriber {
  close(): void;
}
interface Handlers {
  up(): void;
  down(why: string): void;
  message(topic: string, text: string, isRetained: boolean): void;
}
type SubscriberClass = new (url: string, filters: readonly string[], handlers: Handlers) => Subscriber;

/** The client as it stands in the page, with Node's timers and the `ws` package's WebSocket. */
function subscriberOfPage(): SubscriberClass {
  const page = readFileSync(packagePath("firmware-sim", "page", "index.html"), "utf8");
  const script = /<script id="subscriber">([\s\S]*?)<\/script>/.exec(page)?.[1];
  const globals = {
    WebSocket,
    TextEncoder,
    TextDecoder,
    Uint8Array,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
  };
  return runInNewContext(`${script}; MqttSubscriber`, { ...globals, Math }) as SubscriberClass;
}

const MqttSubscriber = subscriberOfPage();
const closing: (() => unknown)[] = [];

let broker: Aedes;
let brokerServer: Server;
let server: PageServer;

beforeEach(async () => {
  broker = await Aedes.createBroker();
  brokerServer = createServer(broker.handle);
  brokerServer.listen(0, "127.0.0.1");
  await once(brokerServer, "listening");
  const { port } = brokerServer.address() as AddressInfo;
  server = await servePage({ site: siteId("sim"), host: "127.0.0.1", port: 0, broker: { host: "127.0.0.1", port } });
});

afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await server.stop();
  await new Promise<void>((resolve) => broker.close(resolve));
  brokerServer.close();
});

const socketUrl = () => `${server.url.replace("http", "ws")}mqtt`;
const publish = (topic: string, payload: string, retain = false) =>
  new Promise<void>((resolve, reject) => {
    const packet = { cmd: "publish", topic, payload, retain, qos: 1, dup: false } as const;
    broker.publish(packet, (failure) => (failure ? reject(failure) : resolve()));
  });

/** Subscribes with the page's client and hands out what it hears, in order. */
function listen(filters: readonly string[]) {
  const heard: string[] = [];
  const waiting: (() => void)[] = [];
  const say = (what: string) => {
    heard.push(what);
    for (const wake of waiting.splice(0)) wake();
  };
  const subscriber = new MqttSubscriber(socketUrl(), filters, {
    up: () => say("up"),
    down: (why) => say(`down: ${why}`),
    message: (topic, text, isRetained) => say(`${isRetained ? "kept " : ""}${topic} ${text}`),
  });
  closing.push(() => subscriber.close());
  const until = async (count: number): Promise<string[]> => {
    while (heard.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    return heard;
  };
  return { until };
}

it("subscribes over WebSocket and hears retained and live messages, and only those it asked for", async () => {
  await publish("skein/1/sim/site", '{"coordinator":"pi-01"}', true);
  const page = listen(["skein/1/sim/aggregates/#", "skein/1/sim/site"]);
  await page.until(2);
  await publish("skein/1/sim/log/pi-01", "not for a dashboard");
  await publish("skein/1/sim/aggregates/all/temperature", '{"mean":"21 °C"}');
  expect(await page.until(3)).toEqual([
    "up",
    'kept skein/1/sim/site {"coordinator":"pi-01"}',
    'skein/1/sim/aggregates/all/temperature {"mean":"21 °C"}',
  ]);
});

it("puts packets together that come in pieces or together (70,000 bytes, then 20 small ones)", async () => {
  const page = listen(["a/#"]);
  await page.until(1);
  const large = "x".repeat(70_000);
  await publish("a/large", large);
  for (let i = 0; i < 20; i++) await publish("a/small", String(i));
  const [, first, ...rest] = await page.until(22);
  expect(first).toBe(`a/large ${large}`);
  expect(rest).toEqual(Array.from({ length: 20 }, (_, i) => `a/small ${i}`));
});

it("connects and subscribes again when the broker cuts it off", async () => {
  const page = listen(["a"]);
  await page.until(1);
  for (const client of Object.values((broker as unknown as { clients: Record<string, { close(): void }> }).clients)) {
    client.close();
  }
  expect(await page.until(3)).toEqual(["up", expect.stringMatching(/^down: the connection was closed/), "up"]);
  await publish("a", "again");
  expect((await page.until(4)).at(-1)).toBe("a again");
});

it("gives up a connection on which something else than MQTT answers", async () => {
  const strange = createServer((socket) => socket.write(Buffer.alloc(200, 0xff)));
  strange.listen(0, "127.0.0.1");
  await once(strange, "listening");
  await server.stop();
  const { port } = strange.address() as AddressInfo;
  server = await servePage({ site: siteId("sim"), host: "127.0.0.1", port: 0, broker: { host: "127.0.0.1", port } });
  closing.push(() => strange.close());
  const page = listen(["a"]);
  expect(await page.until(1)).toEqual(["down: the broker sent a packet that is too large"]);
});

it("serves the one page with the site's name, and nothing else", async () => {
  const page = await fetch(server.url);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  const text = await page.text();
  expect(text).toContain('<meta name="skein-site" content="sim"');
  expect(text).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  expect((await fetch(`${server.url}../package.json`)).status).toBe(404);
  expect((await fetch(server.url, { method: "POST" })).status).toBe(404);
});

it.each([
  ["a page from elsewhere", { origin: "http://evil.example" }, "mqtt"],
  ["another path", {}, "elsewhere"],
])("refuses a WebSocket of %s", async (_, options, path) => {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}${path}`, "mqtt", options);
  const [failure] = (await once(socket, "error")) as [Error];
  expect(failure.message).toMatch(/403/);
});

it("says which port is in use", async () => {
  const port = Number(new URL(server.url).port);
  const again = servePage({ site: siteId("sim"), host: "127.0.0.1", port, broker: { host: "127.0.0.1", port: 1 } });
  await expect(again).rejects.toMatchObject({
    code: "port-in-use",
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
});
