// One sensor on each device that reads a topic of another device, and the configuration that says so.

/** Where the readings of `device` are published. */
export const topicOf = (device: string): string => `field/${device}/probe`;

/** `rest`: further top-level keys of the file. The expected silence is long, so that a pause is no missing reading. */
export function probeConfiguration(devices: readonly string[], broker: string, rest: string): string {
  const sensors = devices.map(
    (device) =>
      `  ${device}-probe: { device: ${device}, driver: mqtt, broker: "${broker}", topic: ${topicOf(device)}, path: $.value, quantity: count, interval: 10m }`,
  );
  const declared = devices.map((device) => `  ${device}:`);
  return `skein: 1\n${rest}\ndevices:\n${declared.join("\n")}\nsensors:\n${sensors.join("\n")}\n`;
}
