import { siteId } from "../../src/base/ids.ts";

export const worldSite = siteId("world");
export const uplinkUrl = "mqtt://uplink:1883";
export const brokerUrl = (number: number): string => `mqtt://broker-${number}:1883`;
