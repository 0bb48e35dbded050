// The checkers of agreement: Raft's own invariants, and what clients see of them.

import type { CheckerOf } from "../checker.ts";
import { acknowledgedIsPresent } from "./acknowledged-is-present.ts";
import { committedIsDurable } from "./committed-is-durable.ts";
import { configurationSafety } from "./configuration-safety.ts";
import { electionSafety } from "./election-safety.ts";
import { leaderCompleteness } from "./leader-completeness.ts";
import { linearizableConfiguration } from "./linearizable-configuration.ts";
import { logMatching } from "./log-matching.ts";
import { monotonic } from "./monotonic.ts";
import { oneCoordinator } from "./one-coordinator.ts";
import { stateMachineSafety } from "./state-machine-safety.ts";
import { voteSafety } from "./vote-safety.ts";

export const agreementCheckers: readonly CheckerOf[] = [
  electionSafety,
  logMatching,
  leaderCompleteness,
  stateMachineSafety,
  committedIsDurable,
  monotonic,
  voteSafety,
  configurationSafety,
  oneCoordinator,
  linearizableConfiguration,
  acknowledgedIsPresent,
];
