// When a checkpoint is made, and that all replicas make the same one.
//
// The coordinator puts a marker into the log once enough has been applied; every replica encodes what changed at that very
// index. So digests of one index can be compared: the next marker says what the coordinator's was.

import { isSkeinError, SkeinError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { LogIndex } from "../base/units.ts";
import type { Entry, Voters } from "../raft/types.ts";
import type { SiteState } from "../site/state.ts";
import type { Command } from "../site/types.ts";
import type { Checkpoint, Checkpoints } from "./checkpoints.ts";

type Previous = Extract<Command, { kind: "checkpoint" }>["previous"];

export interface CheckpointKeeperHandlers {
  /** Synced. */
  saved(checkpoint: Checkpoint): void;
  diverged(detail: string): void;
  failed(failure: SkeinError): void;
}

export interface CheckpointKeeperOptions {
  readonly voters: Voters;
  /** Of the log, after which a checkpoint is due. */
  readonly checkpointBytes: number;
  /** What the log takes on the disk. */
  readonly log: { readonly fileBytes: number };
}

/** What an entry costs in the log beside its command. */
const entryOverhead = 48;

export class CheckpointKeeper {
  readonly #checkpoints: Checkpoints;
  readonly #handlers: CheckpointKeeperHandlers;
  readonly #dueBytes: number;
  readonly #log: CheckpointKeeperOptions["log"];
  /** The committed configuration as of the newest applied entry. */
  #voters: Voters;
  /** Of the log since the newest checkpoint. */
  #bytes = 0;
  #entries = 0;
  #isProposed = false;
  #newest: { readonly index: LogIndex; readonly digest: string } | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(checkpoints: Checkpoints, options: CheckpointKeeperOptions, handlers: CheckpointKeeperHandlers) {
    this.#checkpoints = checkpoints;
    this.#voters = options.voters;
    this.#dueBytes = options.checkpointBytes;
    this.#log = options.log;
    this.#handlers = handlers;
    const current = checkpoints.current;
    this.#newest = current === undefined ? undefined : { index: current.start.index, digest: current.digest };
  }

  /** `entry` was applied. */
  passed(entry: Entry): void {
    if (entry.kind === "voters") this.#voters = entry.voters;
    this.#entries += 1;
    this.#bytes += entryOverhead + (entry.kind === "command" ? entry.command.length : 0);
  }

  /** The state was replaced by the snapshot that is the current checkpoint. */
  replaced(voters: Voters): void {
    this.#voters = voters;
    this.#bytes = 0;
    this.#entries = 0;
    this.#isProposed = false;
    const current = this.#checkpoints.current;
    this.#newest = current === undefined ? undefined : { index: current.start.index, digest: current.digest };
  }

  /** Another coordinator may have taken over, or this one: what it proposed before may be lost. */
  leadershipChanged(): void {
    this.#isProposed = false;
  }

  /** Asks for a marker once enough has been applied since the last. */
  proposeIfDue(propose: (command: Command) => void): void {
    if (this.#isProposed || !this.#isDue()) return;
    this.#isProposed = true;
    propose({ kind: "checkpoint", previous: this.#newest });
  }

  #isDue(): boolean {
    if (this.#bytes >= this.#dueBytes) return true;
    return this.#entries >= limits.checkpointFileEntries && this.#log.fileBytes >= limits.checkpointFileBytes;
  }

  /** `entry`, a marker, has just been applied to `state`. */
  keep(state: SiteState, entry: Entry, previous: Previous): void {
    if (previous !== undefined && previous.index === this.#newest?.index && previous.digest !== this.#newest.digest) {
      const detail = `the state at entry ${previous.index} has the digest ${this.#newest.digest} here and ${previous.digest} on the coordinator`;
      this.#handlers.diverged(detail);
      return;
    }
    const changed = state.takeDirty();
    const checkpoint: Checkpoint = {
      start: { index: entry.index, term: entry.term, voters: this.#voters },
      digest: state.digest(),
      bytes: changed.puts.reduce((sum, { value }) => sum + value.length, this.#checkpoints.current?.bytes ?? 0),
    };
    this.#newest = { index: entry.index, digest: checkpoint.digest };
    this.#bytes = 0;
    this.#entries = 0;
    this.#isProposed = false;
    this.#saving = this.#checkpoints.save(checkpoint, changed).then(
      () => {
        // While a later one is on its way, some of what the state has handed out is not down yet.
        if (this.#newest?.index === entry.index) state.checkpointed();
        this.#handlers.saved(checkpoint);
      },
      (cause: unknown) => {
        const failure = isSkeinError(cause)
          ? cause
          : new SkeinError("disk-failed", "A checkpoint could not be written", cause);
        this.#handlers.failed(failure);
      },
    );
  }

  /** Resolves when the newest checkpoint is down, or has failed. */
  settled(): Promise<void> {
    return this.#saving;
  }
}
