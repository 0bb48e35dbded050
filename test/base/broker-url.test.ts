import { expect, it } from "vitest";
import { withoutLogin } from "../../src/base/broker-url.ts";

it.each([
  ["mqtt://10.0.0.1:1883", "mqtt://10.0.0.1:1883"],
  ["mqtt://farm:secret@10.0.0.1:1883", "mqtt://10.0.0.1:1883"],
  ["mqtts://farm:s@cr@t@broker", "mqtts://broker"],
  ["ws://broker/path@home", "ws://broker/path@home"],
])("a broker's URL is shown without its login (%s)", (url, shown) => {
  expect(withoutLogin(url)).toBe(shown);
});
