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
  /** Log after which a checkpoint is due: bytes of entries, and entries, because each may take a block of the card alone. */
  checkpointLogBytes: 1 * mebi,
  checkpointLogEntries: 2_000,
  /** Bytes of the Raft log on disk: what is kept for members that pull an older snapshot, each entry in a block of its own. */
  raftLogBytes: 96 * mebi,
  /** Raft messages that wait for the own disk; a voter whose disk hangs for seconds under load drops the oldest. */
  waitingSends: 4_096,
  /** Bytes of one chunk of a snapshot; with its head it fits a frame. */
  snapshotChunkBytes: 32 * kibi,
  /** Bytes of one snapshot: everything in memory at its bound, the outbox and the history, and room. */
  snapshotBytes: 64 * mebi,
  /** Linearizable reads that wait for their confirmation on one device; more are refused. */
  pendingReads: 1_024,
  /** Appends ahead of a follower's log that it holds while their gap is being filled. */
  heldAppends: 64,
  /** Bytes of one partial (PROTOCOLS, Counting, Bounds). */
  partialBytes: 32 * kibi,
  /** Partials that a device sends before it sees the first counted. */
  partialsOutstanding: 4,
  /** Readings folded at once, so that a fold never holds the loop. */
  partialReadings: 4_000,
  /** Bytes a second of one device's backlog: 1,000 devices that come back together do not drown a broker. */
  partialBytesPerSecond: 20 * kibi,
  /** Count entries that the coordinator has proposed and not yet seen applied. */
  countEntriesInFlight: 4,
  /** Bytes of partials that the coordinator puts into one entry. */
  countEntryBytes: 40 * kibi,
  /** Members of one site. */
  members: 1_000,
  /** Joins that one entry admits: it stays far below a command's size. */
  joinsInEntry: 64,
  /** Voters and those being promoted. */
  voters: 9,
  /** Where removed origins stopped; the oldest is dropped. */
  goneOrigins: 1_024,
  /** Client sessions kept for exactly-once proposals; the least recently used, by log order, is dropped. */
  clientSessions: 512,
  /**
   * Bytes of windows in memory, overhead included: some 3,000. The oldest that are closed and published leave first, and late
   * readings of theirs become supplements.
   */
  windowBytes: 2 * mebi,
  /** Bytes of windows at which no more readings are counted (the outbox is full and none may leave): they wait on their devices. */
  windowBytesMax: 8 * mebi,
  /** Age of a window, in ms of site time, after which it leaves. */
  windowAge: 48 * 3_600_000,
  /** Bytes of items that wait for the uplink; beyond, windows wait unpublished. */
  outboxBytes: 16 * mebi,
  /** Bytes beyond that for events of lost readings; with more of them they are summed by device until there is room. */
  lossEventsBytes: 16 * kibi,
  /**
   * Bytes at which, without an uplink, older windows that wait are merged into coarser ones, and down to which: well below the
   * bound, so that closing goes on meanwhile, and far enough apart that it is done once in hours.
   */
  outboxHighBytes: 12 * mebi,
  outboxLowBytes: 10 * mebi,
  /**
   * Merged windows in one entry: applying them takes as long as closing so many. Their bytes; items that the entry replaces; and
   * items that one of its windows replaces.
   */
  degradeMerges: 64,
  degradeEntryBytes: 40 * kibi,
  degradeEntryItems: 4_096,
  degradeMergeItems: 1_024,
  /** Ranges of item numbers that one merged window names; another one begins with each short return of the uplink. */
  degradeRanges: 32,
  /** Items that one close publishes, so that applying it never holds the loop; the rest is due at once. */
  closeItems: 512,
  /** Definitions of groups that stay known for late readings, and sensors in all of them together: about 6 MB of memory. */
  definitionVersions: 256,
  definitionSensors: 65_536,
  /** Revisions of the configuration that can be shown and applied again. */
  configurationRevisions: 4_096,
  configurationHistoryBytes: 2 * mebi,
  /** Bytes of one configuration file: 5,000 sensors with labels, a line for each key. */
  configurationBytes: 2 * mebi,
  /** Bytes of one entry's configuration changes once they are unpacked: decoding them stays below 20 ms. */
  configurationChangeBytes: 1 * mebi,
  /** Items of one entry's configuration changes. */
  configurationChanges: 8_192,
  /** Readings that one device numbers in its life: a thousand a second for 35 years. */
  readingNumber: 2 ** 40,
  /** How far, in ms, a stamp in an entry may be ahead of the entry's site time before it is taken for damage. */
  stampLead: 60_000,
  /** Site time, in ms since 1970, that nothing sets: the year 2200. It never goes back, so a mistyped one would stay. */
  siteTimeMax: 7_258_118_400_000,
  /** Jumps of site time that the state remembers for queries; the oldest is dropped. */
  timeJumps: 64,
  /** Clock sources that the state names; the one that agreed longest ago is dropped. */
  timeSources: 16,
  /** Devices whose clocks a coordinator remembers; those beyond are not looked at. */
  timeReports: 64,
  /** Entries whose arrival a device remembers until they are applied, so that a jump among them reaches its own clock. */
  entryArrivals: 4_096,
  /** Sensors of one site. */
  sensors: 5_000,
  /** Aggregations of one site. */
  aggregations: 32,
  /** Bins that each sign of a quantile sketch keeps: a ratio of 167 between the largest and the smallest magnitude told apart. */
  sketchBins: 512,
  /** Readings written to the log at once: a payload of them stays far below a segment. */
  flushReadings: 2_000,
  /** Readings kept in memory beside their log, because folds nearly always ask for the newest; up to twice as many for a moment. */
  recentReadings: 4_096,
  /** Values a second that one sensor may hand in; a source that talks more is cut down to it. */
  sensorReadingsPerSecond: 100,
  /** Bytes of a message of another device that a sensor is read from. */
  sensorMessageBytes: 64 * kibi,
  /** Steps of a JSON path. */
  jsonPathSteps: 16,
  /** Readings that wait for their flush on one device. */
  pendingReadings: 20_000,
  /** Bytes of one device's readings log. */
  readingsLogBytes: 256 * mebi,
  /** Of it, what counted readings may keep; the rest is room for those that are not counted yet. */
  readingsKeptBytes: 64 * mebi,
  /** Bytes of that log at which the oldest readings that are not counted are frozen: what is left is room to write meanwhile. */
  readingsFreezeBytes: 192 * mebi,
  /** Bytes of that log that readings leave free: a freeze is written there, or a mark that lets more be sent. */
  readingsReserveBytes: 4 * mebi,
  /** Frozen partials of one device, each as large as a partial; beyond, neighbours are merged into coarser windows. */
  frozenPartials: 16,
  /** Milliseconds of the longest window that readings are frozen into, or of a defined one that lies across its end: two days. */
  frozenSpan: 2 * 86_400_000,
  /** Earlier incarnations whose Raft log and state a data directory keeps, for people and for `recover`. */
  incarnationsSetAside: 3,
  /** Earlier incarnations that a device names as those whose readings it has: some may never have been admitted. */
  incarnationsInherited: 8,
  /** Earlier lives of one log, kept for people and for `recover`; the oldest is removed. */
  logsSetAside: 3,
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
assert(
  (8 * limits.logTailEntries + 3 * limits.checkpointLogEntries) * 4 * kibi < limits.raftLogBytes,
  "the Raft log holds the longest tail and what comes until the next checkpoint, in blocks",
);
assert(limits.partialBytes < limits.countEntryBytes, "a partial fits a count entry");
assert(
  limits.frozenPartials * limits.partialBytes + limits.partialsOutstanding * limits.partialReadings * 64 <
    limits.readingsReserveBytes,
  "a freeze fits what readings leave free, with the readings that it carries on",
);
assert(
  limits.readingsKeptBytes < limits.readingsFreezeBytes &&
    limits.readingsFreezeBytes < limits.readingsLogBytes - limits.readingsReserveBytes,
  "readings are frozen when they are not only counted ones, and before there is no room",
);
assert(limits.countEntryBytes < limits.commandBytes, "a count entry is a command");
assert(limits.outboxLowBytes < limits.outboxHighBytes, "merging ends below where it begins");
assert(limits.outboxHighBytes < limits.outboxBytes, "windows are merged before closing stops");
assert(limits.degradeEntryBytes < limits.commandBytes, "what is merged at once is a command");
assert(limits.windowBytes < limits.windowBytesMax, "windows leave before counting stops");
assert(limits.snapshotChunkBytes + limits.frameHeadBytes < limits.frameBytes, "a snapshot chunk fits a frame");
assert(limits.frameBytes + limits.topicBytes < limits.brokerPacketBytes, "the embedded broker takes a frame");
assert(limits.appendBatchBytes < limits.appendWindowBytes, "the window holds more than one append");
