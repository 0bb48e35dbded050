// How a site is, as its devices say it over the API.

import type { AgentStatus } from "../agent/status.ts";
import type { DeviceId } from "../base/ids.ts";
import { seconds } from "../base/units.ts";
import type { SiteClient } from "./site-client.ts";

const askWithin = seconds(5);

export async function askStatus(client: SiteClient, device: DeviceId | "any"): Promise<AgentStatus> {
  const parts = await client.ask(device, "status", {}, askWithin);
  return wholeStatus(parts as [AgentStatus, ...StatusPart[]]);
}

type StatusPart = Partial<Pick<AgentStatus, "members">> & {
  readonly readings?: Pick<AgentStatus["readings"], "latest">;
};

/** A large site's members, and a device's many sensors, come in parts that each fit a frame. */
export function wholeStatus(parts: readonly [AgentStatus, ...StatusPart[]]): AgentStatus {
  const members = parts.flatMap((part) => part.members ?? []);
  const latest = parts.flatMap((part) => part.readings?.latest ?? []);
  return { ...parts[0], members, readings: { ...parts[0].readings, latest } };
}

/** Only the coordinator knows the uplink and how far the others are. Undefined when it does not answer. */
export async function coordinatorOf(client: SiteClient, asked: AgentStatus): Promise<AgentStatus | undefined> {
  if (asked.role === "leader") return asked;
  if (asked.leader === undefined) return undefined;
  return askStatus(client, asked.leader).catch(() => undefined);
}
