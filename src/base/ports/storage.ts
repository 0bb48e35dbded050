export type StorageChange =
  | { readonly kind: "put"; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: "delete"; readonly key: string };

export interface StorageRange {
  /** First key, included. Keys are ordered by their UTF-8 bytes. */
  readonly from: string;
  /** End, not included. */
  readonly to: string;
}

/** A view that later writes do not change; release it, or the store keeps old data. */
export interface StorageSnapshot {
  get(key: string): Promise<Uint8Array | undefined>;
  /** At most `limit` entries of the range, in order. */
  page(range: StorageRange, limit: number): Promise<readonly (readonly [key: string, value: Uint8Array])[]>;
  release(): Promise<void>;
}

/** Ordered keys and values; a batch is atomic, and synced when its promise resolves. Values handed in and out are copies. */
export interface Storage {
  get(key: string): Promise<Uint8Array | undefined>;
  /** All of the changes or none; survives a power cut once resolved. Fails with `disk-full` or `disk-failed`. */
  write(changes: readonly StorageChange[]): Promise<void>;
  /** At most `limit` entries of the range, in order. */
  page(range: StorageRange, limit: number): Promise<readonly (readonly [key: string, value: Uint8Array])[]>;
  /** Removes a whole range; synced, but not atomic with anything else. */
  clear(range: StorageRange): Promise<void>;
  snapshot(): StorageSnapshot;
  /** Bytes handed to `write` since opening. */
  readonly bytesWritten: number;
  close(): Promise<void>;
}
