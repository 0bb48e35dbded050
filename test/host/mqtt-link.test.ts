import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { MqttLinkHandlers, MqttLinkOptions } from "../../src/base/ports/mqtt-link.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { MqttJsLinks } from "../../src/host/mqtt-link.ts";
import { type LinkTestWorld, mqttLinkCompliance } from "../compliance/mqtt-link.ts";
import { freePort, Mosquitto, realClock, realRandom, until } from "./real-world.ts";

const ports = { clock: realClock, random: realRandom };

mqttLinkCompliance("MQTT.js over Mosquitto", async (): Promise<LinkTestWorld> => {
  const mosquitto = new Mosquitto(await freePort());
  await mosquitto.start();
  return {
    links: new MqttJsLinks(ports, { backoffMax: milliseconds(100) }),
    url: mosquitto.url,
    until,
    finish: (promise) => promise,
    settle: () => new Promise((resolve) => setTimeout(resolve, 50)),
    stopBroker: () => mosquitto.stop(),
    startBroker: () => mosquitto.start(),
    dispose: () => mosquitto.dispose(),
  };
});

describe("MqttJsLinks against brokers that misbehave", () => {
  let server: Server | undefined;
  const sockets: Socket[] = [];

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
    server = undefined;
  });

  /** A server that answers each packet by `answer`, and its URL. */
  async function serve(answer: (socket: Socket, packet: Buffer) => void): Promise<string> {
    const listening = createServer((socket) => {
      sockets.push(socket.on("error", () => undefined).on("data", (packet) => answer(socket, packet)));
    });
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const address = listening.address();
    return `mqtt://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  function open(url: string, options: Partial<MqttLinkOptions> = {}, timing = {}) {
    const codes: string[] = [];
    const reasons: string[] = [];
    const handlers: MqttLinkHandlers = {
      up: () => codes.push("up"),
      down: (reason) => {
        codes.push(reason.code);
        reasons.push(reason.message);
      },
      message: () => undefined,
    };
    const link = new MqttJsLinks(ports, { backoffMax: milliseconds(20), ...timing }).open(
      { url, clientId: "x", keepAlive: seconds(1), subscriptions: [], maxPendingBytes: 50_000, ...options },
      handlers,
    );
    return { link, codes, reasons };
  }

  const connack = (code = 0) => Buffer.of(0x20, 2, 0, code);
  const isConnect = (packet: Buffer) => packet[0] === 0x10;

  it("gives up on one that accepts the connection and says nothing, and dials again", async () => {
    const url = await serve(() => undefined);
    const { link, codes, reasons } = open(url, {}, { attemptTimeout: milliseconds(50) });
    await until(() => codes.length >= 3);
    await link.close();
    expect(new Set(codes)).toEqual(new Set(["broker-unreachable"]));
    expect(reasons[0]).toMatch(/did not answer in time/);
    expect(sockets.length).toBeGreaterThanOrEqual(3);
  });

  it("reports a refused CONNECT by its reason", async () => {
    const url = await serve((socket) => socket.write(connack(5)));
    const { link, codes, reasons } = open(url);
    await until(() => codes.length >= 1);
    await link.close();
    expect(codes[0]).toBe("broker-refused");
    expect(reasons[0]).toMatch(/not authorized/i);
  });

  it("is not up when the broker refuses a subscription, and says which", async () => {
    const url = await serve((socket, packet) => {
      socket.write(isConnect(packet) ? connack() : Buffer.of(0x90, 3, packet[2] ?? 0, packet[3] ?? 0, 0x80));
    });
    const { link, codes, reasons } = open(url, { subscriptions: [{ filter: "a/b", qos: 0 }] });
    await until(() => codes.length >= 1);
    await link.close();
    expect(codes).not.toContain("up");
    expect(codes[0]).toBe("broker-refused");
    expect(reasons[0]).toMatch(/subscription/);
  });

  it("finds a broker that hangs with its socket open by the keep-alive, though it goes on publishing", async () => {
    const url = await serve((socket, packet) => {
      if (isConnect(packet)) socket.write(connack());
    });
    const { link, codes } = open(url);
    await until(() => codes.length === 1);
    const busy = setInterval(() => link.publish({ topic: "t", payload: Buffer.of(1), qos: 0, retain: false }), 20);
    await until(() => codes.length >= 2);
    clearInterval(busy);
    await link.close();
    expect(codes.slice(0, 2)).toEqual(["up", "broker-unreachable"]);
  });

  it("refuses publishes with queue-full when the broker stops reading, and ends QoS 1 as unknown when the link falls", async () => {
    const url = await serve((socket, packet) => {
      if (!isConnect(packet)) return;
      socket.write(connack());
      socket.pause();
    });
    const { link, codes } = open(url, { keepAlive: seconds(30) });
    await until(() => codes.length === 1);
    const first: (string | undefined)[] = [];
    link.publish({ topic: "t", payload: Buffer.of(1), qos: 1, retain: false }, (failure) => first.push(failure?.code));
    const outcomes = new Set<string | undefined>();
    const payload = Buffer.alloc(60_000);
    await until(() => {
      link.publish({ topic: "t", payload, qos: 0, retain: false }, (failure) => outcomes.add(failure?.code));
      return outcomes.has("queue-full");
    });
    expect([...outcomes]).toEqual([undefined, "queue-full"]);
    sockets[0]?.destroy();
    await until(() => first.length === 1);
    expect(first).toEqual(["broker-unreachable"]);
    await link.close();
    expect(first).toHaveLength(1);
  });

  it("drops a broker that announces a packet larger than allowed, before it has come", async () => {
    const url = await serve((socket, packet) => {
      if (isConnect(packet)) socket.write(Buffer.concat([connack(), Buffer.of(0x30, 0xff, 0xff, 0xff, 0x7f)]));
    });
    const { link, codes, reasons } = open(url);
    await until(() => reasons.length >= 1);
    await link.close();
    expect(codes).toContain("broker-unreachable");
    expect(reasons[0]).toMatch(/a packet of at least .* 1048576 are allowed/);
  });

  it("survives bytes that are no MQTT", async () => {
    const url = await serve((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const { link, codes } = open(url, {}, { attemptTimeout: milliseconds(200) });
    await until(() => codes.length >= 2);
    await link.close();
    expect(codes).not.toContain("up");
  });

  it("waits longer and longer between attempts, by chance below a bound that doubles", async () => {
    const url = `mqtt://127.0.0.1:${await freePort()}`;
    const waits: number[] = [];
    const clock = {
      ...realClock,
      after: (...[delay, name, task]: Parameters<typeof realClock.after>) => {
        if (name === "dial a broker again") waits.push(delay);
        return realClock.after(name === "dial a broker again" ? milliseconds(0) : delay, name, task);
      },
    };
    const links = new MqttJsLinks({ clock, random: { ...realRandom, fraction: () => 0.5 } });
    const link = links.open(
      { url, clientId: "x", keepAlive: seconds(1), subscriptions: [], maxPendingBytes: 1 },
      { up: () => undefined, down: () => undefined, message: () => undefined },
    );
    await until(() => waits.length >= 9);
    await link.close();
    expect(waits.slice(0, 9)).toEqual([25, 50, 100, 200, 400, 800, 1_600, 2_500, 2_500]);
  });
});
