/** The only door to chance. */
export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** Uniform whole number in [0, bound). */
  below(bound: number): number;
  /** Unpredictable where the real machine provides it. */
  bytes(count: number): Uint8Array;
}
