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
  /** It goes on; what to do about it is for the agent to say. */
  diverged(detail: string): void;
  /** The disk is full: the next checkpoint tries again. */
  postponed(failure: SkeinError): void;
  failed(failure: SkeinError): void;
}

/** What an entry costs in the log beside its command. */
const entryOverhead = 48;

/** A change of the state that is not on the disk. */
type Changes = Parameters<Checkpoints["save"]>[1];
const noChanges: Changes = { puts: [], deletes: [] };

export class CheckpointKeeper {
  readonly #checkpoints: Checkpoints;
  readonly #handlers: CheckpointKeeperHandlers;
  readonly #dueBytes: number;
  /** The committed configuration as of the newest applied entry. */
  #voters: Voters;
  /** Of the log since the newest checkpoint. */
  #bytes = 0;
  #entries = 0;
  #isProposed = false;
  /** Taken from the state by a checkpoint that could not be written. */
  #unsaved: Changes = noChanges;
  #newest: { readonly index: LogIndex; readonly digest: string } | undefined;
  /** The newest that waits for the one before it. */
  #due: { readonly checkpoint: Checkpoint; readonly state: SiteState } | undefined;
  #saving: Promise<void> | undefined;

  constructor(
    checkpoints: Checkpoints,
    options: { voters: Voters; checkpointBytes: number },
    handlers: CheckpointKeeperHandlers,
  ) {
    this.#checkpoints = checkpoints;
    this.#voters = options.voters;
    this.#dueBytes = options.checkpointBytes;
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
    this.#begin();
    this.#unsaved = noChanges;
    const current = this.#checkpoints.current;
    this.#newest = current === undefined ? undefined : { index: current.start.index, digest: current.digest };
  }

  /** Another coordinator may have taken over, or this one: what it proposed before may be lost. */
  leadershipChanged(): void {
    this.#isProposed = false;
  }

  /** Asks for a marker once enough has been applied since the last. */
  proposeIfDue(propose: (command: Command, done: (isAppended: boolean) => void) => void): void {
    const isDue = this.#bytes >= this.#dueBytes || this.#entries >= limits.checkpointLogEntries;
    if (this.#isProposed || !isDue) return;
    this.#isProposed = true;
    propose({ kind: "checkpoint", previous: this.#newest }, (isAppended) => {
      if (!isAppended) this.#isProposed = false;
    });
  }

  /** `entry`, a marker, has just been applied to `state`. */
  keep(state: SiteState, entry: Entry, previous: Previous): void {
    if (previous !== undefined && previous.index === this.#newest?.index && previous.digest !== this.#newest.digest) {
      const detail = `the state at entry ${previous.index} has the digest ${this.#newest.digest} here and ${previous.digest} on the coordinator`;
      this.#handlers.diverged(detail);
    }
    const checkpoint: Checkpoint = {
      start: { index: entry.index, term: entry.term, voters: this.#voters },
      digest: state.digest(),
      bytes: state.bytes,
    };
    this.#newest = { index: entry.index, digest: checkpoint.digest };
    this.#begin();
    this.#unsaved = merged(this.#unsaved, state.takeDirty());
    this.#due = { checkpoint, state };
    this.#saving ??= this.#saveWhatIsDue();
  }

  /** Resolves when nothing is on its way to the disk any more. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  /** One after the other; a checkpoint that becomes due meanwhile takes the place of one that still waits. */
  async #saveWhatIsDue(): Promise<void> {
    for (let due = this.#due; due !== undefined; due = this.#due) {
      this.#due = undefined;
      const changed = this.#unsaved;
      this.#unsaved = noChanges;
      const { checkpoint } = due;
      try {
        await this.#checkpoints.save(checkpoint, changed);
      } catch (cause) {
        this.#notSaved(changed, cause);
        continue;
      }
      // Only when everything that the state has handed out is down may it forget any of it.
      if (this.#due === undefined) due.state.checkpointed();
      this.#handlers.saved(checkpoint);
    }
    this.#saving = undefined;
  }

  #begin(): void {
    this.#bytes = 0;
    this.#entries = 0;
    this.#isProposed = false;
  }

  /** A full disk may get room: the log still holds everything, and the next checkpoint takes what this one had. */
  #notSaved(changed: Changes, cause: unknown): void {
    const failure = isSkeinError(cause)
      ? cause
      : new SkeinError("disk-failed", "A checkpoint could not be written", cause);
    if (failure.code !== "disk-full") {
      this.#handlers.failed(failure);
      return;
    }
    this.#unsaved = merged(changed, this.#unsaved);
    this.#handlers.postponed(failure);
  }
}

/** `newer` wins, cell by cell. */
function merged(older: Changes, newer: Changes): Changes {
  if (older.puts.length === 0 && older.deletes.length === 0) return newer;
  const changed = new Set([...newer.puts.map(({ key }) => key), ...newer.deletes]);
  return {
    puts: [...older.puts.filter(({ key }) => !changed.has(key)), ...newer.puts],
    deletes: [...older.deletes.filter((key) => !changed.has(key)), ...newer.deletes],
  };
}
