// A client that changes the site's configuration, one change after the other, and believes only what it was told: each
// acknowledged change is synced to a file before the next one is asked for, and a time-out is written down as unknown.

import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { isSkeinError } from "../../src/base/errors.ts";
import { seconds } from "../../src/base/units.ts";
import type { SiteClient } from "../../src/cli/site-client.ts";

interface Acknowledged {
  readonly change: number;
  readonly device: string;
  readonly revision: number;
}

interface Revision {
  readonly revision: number;
  readonly note: string;
}

interface DeviceItem {
  readonly section: string;
  readonly name: string;
  readonly after: { readonly zone?: string; readonly labels: { readonly change?: string } };
}

/** Above a commit, below an election: some questions are answered after they were given up. */
const answerWithin = seconds(1.5);
/** Before a question is repeated: some fail at once, and a client that only asks lets nothing else of its process run. */
const pauseMs = 50;
/** A question is repeated under its serial so often before it counts as unknown. */
const attemptsMax = 6;

export const noteOf = (change: number): string => `change ${change}`;

const newSession = (): string => randomBytes(16).toString("hex");

export class ChangeClient {
  readonly #client: SiteClient;
  readonly #journal: number;
  readonly #path: string;
  readonly #devices: readonly string[];
  readonly #labels = new Map<string, string>();
  #session = newSession();
  #serial = 0;
  #base: number | undefined;
  #change = 0;
  #acknowledged = 0;

  constructor(client: SiteClient, path: string, devices: readonly string[]) {
    this.#client = client;
    this.#path = path;
    this.#journal = openSync(path, "ax");
    this.#devices = devices;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Changes the label of the next device, and writes down what became of it. */
  async change(): Promise<void> {
    const change = ++this.#change;
    this.#serial += 1;
    const device = this.#devices[change % this.#devices.length] ?? "";
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const outcome = await this.#ask(change, device);
      if (outcome.kind === "done") {
        this.#base = outcome.revision;
        this.#labels.set(device, String(change));
        this.#write({ change, device, revision: outcome.revision });
        this.#acknowledged += 1;
        return;
      }
      if (outcome.kind === "refused") {
        // Nothing of the session was ever applied, or one that was given up as unknown was made all the same.
        this.#write({ change, refused: outcome.why });
        if (outcome.why.includes("session-expired")) this.#begin();
        await this.#refresh();
        return;
      }
      this.#write({ change, unknown: outcome.why });
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    await this.#refresh();
  }

  /** What was acknowledged, as the file has it. */
  journal(): Acknowledged[] {
    closeSync(this.#journal);
    const lines = readFileSync(this.#path, "utf8").trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line) as Acknowledged).filter(({ revision }) => revision !== undefined);
  }

  async #ask(
    change: number,
    device: string,
  ): Promise<{ kind: "done"; revision: number } | { kind: "refused" | "unknown"; why: string }> {
    const label = this.#labels.get(device);
    const labels = (value: string | undefined) => (value === undefined ? {} : { change: value });
    const changes = [
      {
        section: "devices",
        name: device,
        before: { zone: undefined, labels: labels(label) },
        after: { zone: undefined, labels: labels(String(change)) },
      },
    ];
    try {
      this.#base ??= await this.#newest();
      const argument = { base: this.#base, changes, author: "e2e", note: noteOf(change) };
      const proposal = { ...argument, session: this.#session, serial: this.#serial };
      const [answer] = await this.#client.ask("any", "config.apply", proposal, answerWithin);
      return { kind: "done", revision: (answer as { revision: number }).revision };
    } catch (failure) {
      if (!isSkeinError(failure)) throw failure;
      return { kind: failure.code === "refused" ? "refused" : "unknown", why: `${failure.code} ${failure.message}` };
    }
  }

  #begin(): void {
    this.#session = newSession();
    this.#serial = 0;
  }

  async #newest(): Promise<number> {
    const [newest] = await history(this.#client, "any", 1);
    return newest?.revision ?? 0;
  }

  async #refresh(): Promise<void> {
    this.#base = undefined;
    const labels = await deviceLabels(this.#client, "any").catch(() => undefined);
    for (const [device, label] of labels ?? []) this.#labels.set(device, label);
  }

  #write(line: object): void {
    writeSync(this.#journal, `${JSON.stringify(line)}\n`);
    fsyncSync(this.#journal);
  }
}

type Asked = Parameters<SiteClient["ask"]>[0];

/** Newest first. */
export async function history(client: SiteClient, device: Asked, limit?: number): Promise<Revision[]> {
  const parts = await client.ask(device, "config.history", limit === undefined ? {} : { limit }, seconds(5));
  return parts.flatMap((part) => (part as { revisions: Revision[] }).revisions);
}

/** The label `change` of each device, as one member's answer to `config.show` has it. */
export async function deviceLabels(client: SiteClient, device: Asked, revision?: number): Promise<Map<string, string>> {
  const parts = await client.ask(device, "config.show", revision === undefined ? {} : { revision }, seconds(5));
  const items = parts.flatMap((part) => (part as { items: DeviceItem[] }).items);
  const labelled = items.filter(({ section, after }) => section === "devices" && after.labels.change !== undefined);
  return new Map(labelled.map(({ name, after }) => [name, after.labels.change ?? ""]));
}
