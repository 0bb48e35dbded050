import { withoutLogin } from "../base/broker-url.ts";
import { SkeinError } from "../base/errors.ts";

export interface MqttUrl {
  readonly protocol: "mqtt" | "mqtts" | "ws" | "wss";
  readonly host: string;
  readonly port: number;
  /** Of a WebSocket; `/` when the URL has none. */
  readonly path: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** From IANA's registry (1883, 8883) and RFC 6455 §3. */
const defaultPorts = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const;

/** Fails with `invalid-argument` on a URL that names no MQTT broker; the message never holds a password. */
export function parseMqttUrl(text: string): MqttUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocol = url?.protocol.slice(0, -1);
  if (url === undefined || url.hostname === "" || !isProtocol(protocol)) {
    const shown = JSON.stringify(withoutLogin(text));
    throw new SkeinError(
      "invalid-argument",
      `${shown} is not a broker's URL: use mqtt://host:port, mqtts://, ws:// or wss://`,
    );
  }
  return {
    protocol,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? defaultPorts[protocol] : Number(url.port),
    path: `${url.pathname === "" ? "/" : url.pathname}${url.search}`,
    username: url.username === "" ? undefined : decodeURIComponent(url.username),
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
  };
}

const isProtocol = (text: string | undefined): text is MqttUrl["protocol"] =>
  text !== undefined && Object.hasOwn(defaultPorts, text);

export function isMqttUrl(text: string): boolean {
  return URL.canParse(text) && isProtocol(new URL(text).protocol.slice(0, -1)) && new URL(text).hostname !== "";
}
