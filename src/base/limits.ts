// Every bound of the agent, each with its unit and its reason (P8). `docs/limits.md` lists them.

import { assert } from "./errors.ts";

const kibi = 1024;
const mebi = 1024 * kibi;

export const limits = {
  /** Items of one CBOR array or map. A snapshot chunk or a batch of readings stays far below it. */
  cborItems: 65_536,
  /** Bytes of one frame on MQTT. Below every broker's default, and small enough that decoding never holds the loop. */
  frameBytes: 64 * kibi,
  /** Bytes of commands in one append: with its head it fits a frame. */
  appendBatchBytes: 48 * kibi,
  /** Bytes of appends beyond the commit index before new ones wait. */
  appendWindowBytes: 256 * kibi,
  /** Bytes of uncommitted proposals that a coordinator holds; more are refused as busy. */
  uncommittedBytes: 1 * mebi,
  /** Bytes of one command. */
  commandBytes: 48 * kibi,
  /** Bytes a second for repairs of members that missed appends; live appends go first. */
  repairBytesPerSecond: 512 * kibi,
  /** What is kept of the log behind a checkpoint, so that a member away for a moment needs no snapshot. */
  logTailEntries: 2_000,
  logTailBytes: 512 * kibi,
  /** Bytes of log after which a checkpoint is due. */
  checkpointLogBytes: 1 * mebi,
  snapshotChunkBytes: 32 * kibi,
  /** Bytes of one partial (PROTOCOLS, Counting, Bounds). */
  partialBytes: 32 * kibi,
  /** Partials that a device sends before it sees the first counted. */
  partialsOutstanding: 4,
  /** Bytes of partials that the coordinator puts into one entry. */
  countEntryBytes: 40 * kibi,
  /** Members of one site. */
  members: 1_000,
  /** Voters and those being promoted. */
  voters: 9,
  /** Where removed origins stopped; the oldest is dropped. */
  goneOrigins: 1_024,
  /** Client sessions kept for exactly-once proposals; the least recently used, by log order, is dropped. */
  clientSessions: 512,
  /** Bytes of windows in memory; the oldest that are closed and published leave first, and late readings of theirs become supplements. */
  windowBytes: 2 * mebi,
  /** Age of a window, in ms of site time, after which it leaves. */
  windowAge: 48 * 3_600_000,
  /** Bytes of items that wait for the uplink; beyond, windows wait unpublished. */
  outboxBytes: 16 * mebi,
  /** Revisions of the configuration that can be shown and applied again. */
  configurationRevisions: 4_096,
  configurationHistoryBytes: 2 * mebi,
  /** Bytes of one configuration file. */
  configurationBytes: 512 * kibi,
  /** Sensors of one site. */
  sensors: 5_000,
  /** Aggregations of one site. */
  aggregations: 32,
  /** Bins of one quantile sketch. */
  sketchBins: 512,
  /** Readings that wait for their flush on one device. */
  pendingReadings: 20_000,
  /** Bytes of one device's readings log. */
  readingsLogBytes: 256 * mebi,
  /** Bytes that may wait in one MQTT socket before QoS 0 publishes are refused. */
  linkPendingBytes: 1 * mebi,
  /** Bytes of one MQTT packet that the embedded broker accepts: a frame with its topic, and JSON of programs. */
  brokerPacketBytes: 128 * kibi,
  /** Bytes of one MQTT packet that a link accepts from any broker: JSON of other systems is larger than a frame. */
  linkPacketBytes: 1 * mebi,
  /** QoS 1 publishes of one link without their PUBACK; more are refused. */
  linkUnacknowledged: 256,
  /** Bytes of one topic: far above ours, far below what a broker allows (65,535). */
  topicBytes: 1_024,
  /** UTF-16 units of one level of a topic that is made of names people chose. */
  topicLevelLength: 64,
  /** Entries of one append: with their heads, tiny commands still fit a frame. */
  appendEntries: 512,
  /** Bytes of an entry beside its command, and of a frame beside its body, at most. */
  entryHeadBytes: 24,
  frameHeadBytes: 256,
  /** Window parts of one partial. */
  partialParts: 4_096,
  /** Brokers that one device is connected to. */
  brokers: 16,
  /** Names of devices and clients that a presence table holds per broker; strangers beyond it are not remembered. */
  presences: 2_048,
  /** Levels of arrays and maps in what a client of the API asks. */
  apiArgumentDepth: 16,
  /** Questions of one API client that wait for their answer. */
  apiQuestions: 64,
  /** Levels of arrays and maps in any CBOR. */
  cborDepth: 32,
} as const;

assert(limits.commandBytes <= limits.appendBatchBytes, "a command fits an append");
assert(
  limits.appendBatchBytes + limits.appendEntries * limits.entryHeadBytes + limits.frameHeadBytes < limits.frameBytes,
  "an append fits a frame",
);
assert(limits.partialBytes < limits.countEntryBytes, "a partial fits a count entry");
assert(limits.countEntryBytes < limits.commandBytes, "a count entry is a command");
assert(limits.snapshotChunkBytes + limits.frameHeadBytes < limits.frameBytes, "a snapshot chunk fits a frame");
assert(limits.frameBytes + limits.topicBytes < limits.brokerPacketBytes, "the embedded broker takes a frame");
assert(limits.appendBatchBytes < limits.appendWindowBytes, "the window holds more than one append");
