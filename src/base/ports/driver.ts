import type { SkeinError } from "../errors.ts";

/** Where a driver hands its results. Called any number of times, never before `start` has returned. */
export interface DriverSink {
  /** A live value, in the sensor's unit. Values that are not finite are the driver's fault to report, not to hand in. */
  reading(value: number): void;
  /** The source was asked and had nothing to say, or could not be reached; the driver goes on trying. */
  fault(failure: SkeinError): void;
  /** A value that is not live (a retained delivery): shown as the latest, never counted. */
  latest(value: number): void;
}

/** One sensor, read in one way. */
export interface Driver {
  start(sink: DriverSink): void;
  /** Idempotent; nothing reaches the sink afterwards. */
  stop(): void;
}

/** A driver that is asked for a value at each sampling instant. */
export interface PolledSource {
  /** `done` is called once, not before `read` returns. */
  read(done: (failure: SkeinError | undefined, value: number) => void): void;
  stop(): void;
}
