// What must happen when the process ends, however it ends: at `exit`, and before a crash is printed.

type Restore = () => void;

/** Returns how to take it back. */
export function atProcessExit(restore: Restore): () => void {
  const crashed = (failure: unknown): void => {
    restore();
    process.stderr.write(`${failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)}\n`);
    process.exit(70); // EX_SOFTWARE, sysexits.h
  };
  process.on("exit", restore);
  process.on("uncaughtException", crashed);
  return () => {
    process.off("exit", restore);
    process.off("uncaughtException", crashed);
  };
}
