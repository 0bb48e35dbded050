// `skein watch`: the dashboard topic of a site, live, from any broker that carries it. Needs nothing but that broker.

import type { CommandModule } from "yargs";
import { type ConnectionArguments, chosenBrokers, chosenSite, print, withConnection } from "../connection.ts";
import { type DashboardMessage, readDashboard } from "../dashboard/reader.ts";
import { SeriesBoard } from "../dashboard/series-board.ts";
import { type Delivery, tapDashboard } from "../dashboard/tap.ts";
import { aggregateLine, WatchView } from "../dashboard/watch-view.ts";
import { atProcessExit } from "../terminal/exit-hooks.ts";
import { Screen } from "../terminal/screen.ts";
import { hasColor, style } from "../terminal/style.ts";

const drawIntervalMs = 250;

export const watchCommand: CommandModule<object, ConnectionArguments> = {
  command: "watch",
  describe: "A live view of a site's dashboard topic: aggregates, coordinator, revision",
  builder: (yargs) =>
    withConnection(yargs)
      .example("$0 watch --site farm --broker mqtt://cloud.example", "On a terminal: q ends it")
      .example("$0 watch --site farm --json | jq .mean", "Each message as one line of JSON"),
  handler: async (args) => {
    const site = chosenSite(args);
    const [broker] = chosenBrokers(args);
    if (broker === undefined) return;
    const view = new WatchView(site, broker.url);
    const board = new SeriesBoard();
    let show: (delivery: Delivery, message: DashboardMessage) => void = (_, message) => {
      if (message.kind === "aggregate") print(aggregateLine(message.values));
      else if (message.kind === "site")
        print(`${message.coordinator} coordinates in term ${message.term}: ${message.why}`);
      else if (message.kind === "event") print(message.text);
    };
    if (args.json) show = ({ topic, payload }) => print(jsonLine(topic, payload));
    const { TERM } = process.env;
    const isLive = process.stdout.isTTY && !args.json && TERM !== "dumb";
    if (isLive) show = () => undefined;
    const tap = await tapDashboard({
      ...broker,
      site,
      clientId: `skein-watch-${process.pid}-${Date.now().toString(36)}`,
      isSessionKept: false,
      received: (delivery) => {
        const message = readDashboard(site, delivery.topic, delivery.payload);
        if (message.kind === "aggregate") board.add(message.values);
        view.heard(message);
        show(delivery, message);
      },
    });
    await (isLive ? untilKey(view, board) : untilSignal());
    await tap.close();
  },
};

function untilKey(view: WatchView, board: SeriesBoard): Promise<void> {
  const paint = style(hasColor(process.env, true));
  return new Promise((resolve) => {
    const end = (): void => {
      clearInterval(drawing);
      screen.close();
      resolve();
    };
    const screen = new Screen({
      output: process.stdout,
      input: process.stdin,
      key: (name) => {
        if (name === "q" || name === "quit") end();
      },
      atExit: atProcessExit,
    });
    screen.open();
    const drawing = setInterval(() => screen.draw(view.lines(board.all(), screen.size, paint)), drawIntervalMs);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  });
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}

function jsonLine(topic: string, payload: Uint8Array): string {
  const text = Buffer.from(payload).toString("utf8");
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(typeof value === "object" && value !== null ? { topic, ...value } : { topic, value });
  } catch {
    return JSON.stringify({ topic, text });
  }
}
