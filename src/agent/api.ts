// What programs and the command line may ask any member, over MQTT. Answers are plain data.
//
// A read of the configuration is linearizable: the member first asks the coordinator how far it must have applied. A change
// is forwarded and repeated under the client's session and serial, so asking twice applies once.

import { type ErrorCode, isSkeinError, SkeinError } from "../base/errors.ts";
import type { Member } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Logger } from "../base/ports/logger.ts";
import { type LogIndex, logIndex, seconds } from "../base/units.ts";
import type { ApiAnswerMessage, ApiQuestionMessage, ApiResult } from "../mqtt/site-codec.ts";
import type { Replica } from "../replica/replica.ts";
import type { SiteConfiguration } from "../site/configuration.ts";
import { unpackChanges } from "../site/configuration-changes.ts";
import { defaultConfiguration } from "../site/configuration-defaults.ts";
import { diffConfiguration } from "../site/configuration-diff.ts";
import { readChanges } from "../site/configuration-items.ts";
import { configurationBefore, decodeRevision, historyKey, type Revision } from "../site/configuration-table.ts";
import { isClientSession, isCount, isSerial } from "./api-arguments.ts";
import type { Operator } from "./operator.ts";
import type { RecoveryReport } from "./recovery-report.ts";
import { setTime } from "./set-time.ts";
import type { AgentStatus } from "./status.ts";
import type { TimeReport } from "./time-report.ts";

export interface ApiParts {
  readonly replica: Replica;
  readonly operator: Operator;
  status(): AgentStatus;
  time(): TimeReport;
  answer(client: Member, message: ApiAnswerMessage, via: string): void;
}

const changeWithin = seconds(20);
const readWithin = seconds(3);

const questions = [
  "status",
  "members",
  "recovery",
  "config.show",
  "config.history",
  "config.apply",
  "coordinator.transfer",
  "members.remove",
  "time",
  "time.set",
];
/** Of the size that the schema allows, so many fit a frame. */
const itemsInPart = 24;
const revisionsInPart = 48;
const rowsInPart = 128;

type Argument = Readonly<Record<string, unknown>>;

export class Api {
  readonly #logger: Logger;
  readonly #parts: ApiParts;
  #open = 0;
  #isStopped = false;

  constructor(ports: { logger: Logger }, parts: ApiParts) {
    this.#logger = ports.logger;
    this.#parts = parts;
  }

  asked(client: Member, { id, name, argument }: ApiQuestionMessage, via: string): void {
    if (this.#isStopped) return;
    const answer = (part: number, isLast: boolean, result: ApiResult): void => {
      if (!this.#isStopped) this.#parts.answer(client, { kind: "api-answer", id, part, isLast, result }, via);
    };
    const fail = (code: ErrorCode, message: string): void => answer(0, true, { isOk: false, code, message });
    if (this.#open >= limits.apiQuestions) {
      fail("queue-full", "This member is answering too many questions; ask again");
      return;
    }
    this.#open += 1;
    this.#answer(name, isArgument(argument) ? argument : {}).then(
      (values) => {
        this.#open -= 1;
        for (const [part, value] of values.entries()) answer(part, part === values.length - 1, { isOk: true, value });
      },
      (cause: unknown) => {
        this.#open -= 1;
        if (isSkeinError(cause)) return fail(cause.code, cause.message);
        this.#logger.error({ name, cause: String(cause) }, "a question of the API failed");
        fail("refused", "The member could not answer; its log says why");
      },
    );
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** The parts of the answer; each fits a frame. */
  async #answer(name: string, argument: Argument): Promise<readonly unknown[]> {
    switch (name) {
      case "status":
        return this.#status();
      case "members":
        return this.#members();
      case "recovery":
        return [this.#recovery()];
      case "config.show":
        return this.#show(argument);
      case "config.history":
        return this.#history(argument);
      case "config.apply":
        return [await this.#apply(argument)];
      case "coordinator.transfer":
        return [await this.#parts.operator.transfer(argument)];
      case "members.remove":
        return [await this.#parts.operator.remove(argument)];
      case "time":
        return [this.#parts.time()];
      case "time.set":
        return [await setTime(this.#parts, argument)];
      default:
        throw new SkeinError(
          "not-found",
          `There is no question ${JSON.stringify(name)}; there are ${questions.join(", ")}`,
        );
    }
  }

  /** The first part has all but the rest of the members and of the latest readings, which follow. */
  #status(): readonly unknown[] {
    const status = this.#parts.status();
    const members = inParts(status.members, rowsInPart);
    const latest = inParts(status.readings.latest, rowsInPart);
    const first = { ...status, members: members[0], readings: { ...status.readings, latest: latest[0] } };
    const more = members.slice(1).map((part) => ({ members: part }));
    return [first, ...more, ...latest.slice(1).map((part) => ({ readings: { latest: part } }))];
  }

  #members(): readonly unknown[] {
    const { members, voters } = this.#parts.status();
    return inParts(members, rowsInPart).map((part, number) =>
      number === 0 ? { members: part, voters } : { members: part },
    );
  }

  /** Asked by `skein recover` on another device: how far this one's log reaches, and whether it has a coordinator after all. */
  #recovery(): RecoveryReport {
    const { generation, leader, siteTime } = this.#parts.status();
    const { last, lastTerm } = this.#parts.replica.status();
    const newest = Math.max(siteTime ?? 0, this.#parts.replica.state.siteTimeFloor);
    return { generation, index: last, term: lastTerm, siteTime: newest, leader: leader ?? null };
  }

  /** `items`: the configuration as changes of the default one (`defaultConfiguration`), spread over the parts. */
  async #show({ revision }: Argument): Promise<readonly unknown[]> {
    if (revision !== undefined && revision !== null && !isCount(revision))
      throw new SkeinError("invalid-argument", "revision: a whole number was expected, as config history lists them");
    await this.#barrier();
    const { state } = this.#parts.replica;
    const wanted = isCount(revision) ? logIndex(revision) : state.revision;
    const { configuration, made } = await this.#configurationAt(wanted);
    const items = diffConfiguration(defaultConfiguration, configuration);
    const head = {
      revision: wanted,
      author: made?.author ?? "",
      note: made?.note ?? "",
      siteTime: made?.siteTime ?? 0,
    };
    return inParts(items, itemsInPart).map((part, number) =>
      number === 0 ? { ...head, items: part } : { items: part },
    );
  }

  /** Newest first. */
  async #history({ limit }: Argument): Promise<readonly unknown[]> {
    await this.#barrier();
    const most = isCount(limit) && limit > 0 ? limit : limits.configurationRevisions;
    const newestFirst = [...this.#parts.replica.state.revisions].reverse();
    const revisions = await this.#revisions(newestFirst.slice(0, most).map(historyKey));
    const rows = revisions.map(({ revision, siteTime, author, note, changes }) => ({
      revision,
      siteTime,
      author,
      note,
      changes: changes.length,
    }));
    return inParts(rows, revisionsInPart).map((part) => ({ revisions: part }));
  }

  /** `changes`: a list, or the same packed, because the list of a whole site does not fit a frame. */
  #apply(argument: Argument): Promise<unknown> {
    const { base, changes: raw, author, note, session, serial } = argument;
    const changes = raw instanceof Uint8Array ? unpackChanges(raw) : readChanges(raw);
    if (changes === undefined || changes.length === 0)
      throw new SkeinError("invalid-argument", "changes: a list of {section, name, before, after} was expected");
    if (!isCount(base) || !isClientSession(session) || !isSerial(serial)) {
      throw new SkeinError(
        "invalid-argument",
        "base (a revision), session (32 hex digits) and serial (1, 2, 3 …) are needed",
      );
    }
    const command = {
      kind: "configure",
      base: logIndex(base),
      changes,
      author: typeof author === "string" ? author : "",
      note: typeof note === "string" ? note : "",
    } as const;
    return new Promise((done, failed) => {
      this.#parts.replica.submit({ session, serial }, command, changeWithin, (result) => {
        if (result.kind === "done") return done({ revision: result.index });
        if (result.kind === "refused") return failed(new SkeinError("refused", `${result.reason}: ${result.detail}`));
        failed(
          new SkeinError(
            "timed-out",
            "Nobody said in time whether the change was made. It is unknown: repeat it with the same session and serial",
          ),
        );
      });
    });
  }

  #barrier(): Promise<void> {
    return new Promise((done, failed) => {
      this.#parts.replica.readBarrier(readWithin, (isCurrent) => {
        if (isCurrent) done();
        else failed(new SkeinError("timed-out", "No coordinator confirmed in time what is current; ask again"));
      });
    });
  }

  async #configurationAt(
    revision: LogIndex,
  ): Promise<{ configuration: SiteConfiguration; made: Revision | undefined }> {
    const { state } = this.#parts.replica;
    const { configuration, revisions } = state;
    const later = state.historyKeysSince(revision);
    if (later === undefined)
      throw new SkeinError("not-found", `Revision ${revision} is not kept; config history lists those that are`);
    const [made] = revisions.includes(revision) ? await this.#revisions([historyKey(revision)]) : [];
    return { configuration: configurationBefore(configuration, await this.#revisions(later)), made };
  }

  async #revisions(keys: readonly string[]): Promise<Revision[]> {
    const found: Revision[] = [];
    for (const key of keys) {
      const bytes = await this.#parts.replica.readCell(key);
      const revision = bytes === undefined ? undefined : decodeRevision(key, bytes);
      if (revision === undefined) throw new SkeinError("state-damaged", `The history's cell ${key} cannot be read`);
      found.push(revision);
    }
    return found;
  }
}

/** At least one part, also of nothing. */
function inParts<T>(items: readonly T[], most: number): T[][] {
  const parts: T[][] = [items.slice(0, most)];
  for (let from = most; from < items.length; from += most) parts.push(items.slice(from, from + most));
  return parts;
}

const isArgument = (value: unknown): value is Argument =>
  typeof value === "object" && value !== null && !Array.isArray(value);
