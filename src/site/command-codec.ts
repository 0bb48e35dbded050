// A proposal as the bytes of a log entry: `[version, client, kind, ...fields]` in CBOR. Decoding answers undefined for anything
// that is none: what is in the log once is applied by every member for ever, so no bytes at all may throw (RAFT-CASES 52).

import { encode, tryDecode } from "../base/cbor.ts";
import { type Generation, isDeviceId, isIncarnation, isMemberKey, type SiteId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { logIndex, siteTime } from "../base/units.ts";
import type { CountMove, CountPart, FrozenPart } from "../readings/types.ts";
import { packChanges, unpackChanges } from "./configuration-changes.ts";
import { authorLengthMax, noteLengthMax } from "./configuration-table.ts";
import { packFold, packKey, unpackFold, unpackKey } from "./fold-codec.ts";
import { versionLengthMax } from "./members.ts";
import { packMerge, unpackMerge } from "./merge-codec.ts";
import { packTimeChange, unpackTimeChange } from "./time-change-codec.ts";
import type { ClientSerial, Command, JoinRequest, Proposal } from "./types.ts";

const version = 1;
/** Numbers are for ever. */
const kinds = [
  "found",
  "join",
  "remove",
  "configure",
  "count",
  "close",
  "cursor",
  "checkpoint",
  "time",
  "degrade",
  "count-frozen",
] as const;
const joinsMax = 256;
const movesMax = 4_096;
const partsMax = 4_096;
const hex32 = /^[0-9a-f]{32}$/;
const siteName = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** What an entry says, and the bytes of its configuration changes as they came. */
export interface DecodedProposal {
  readonly proposal: Proposal;
  readonly packedChanges: Uint8Array | undefined;
}

/** Fails with `invalid-argument` where configuration changes have not their normal form. */
export function encodeProposal({ client, command }: Proposal): Uint8Array {
  const identity = client === undefined ? null : [client.session, client.serial];
  return Uint8Array.from(encode([version, identity, kinds.indexOf(command.kind), ...packCommand(command)]));
}

export function decodeProposal(bytes: Uint8Array): Proposal | undefined {
  return decodeEntry(bytes)?.proposal;
}

export function decodeEntry(bytes: Uint8Array): DecodedProposal | undefined {
  if (bytes.length > limits.commandBytes) return undefined;
  const decoded = tryDecode(bytes);
  if (decoded.kind === "refused") return undefined;
  const fields = new Fields(decoded.value);
  fields.require(fields.count() === version);
  const client = fields.optional((each) => each.decoded(unpackClient));
  const kind = kinds[fields.count(kinds.length - 1)];
  if (kind === undefined) return undefined;
  let packedChanges: Uint8Array | undefined;
  const command = unpackCommand(kind, fields, (bytesOfChanges) => {
    packedChanges = bytesOfChanges;
  });
  const proposal = fields.finish({ client, command });
  return proposal === undefined ? undefined : { proposal, packedChanges };
}

function packCommand(command: Command): readonly unknown[] {
  switch (command.kind) {
    case "found":
      return [command.site, command.generation.number, command.generation.nonce];
    case "join":
      return [
        command.joins.map((join) => [
          ...[join.device, join.incarnation, join.session, join.start],
          ...[join.was, join.version],
        ]),
      ];
    case "remove":
      return [command.device];
    case "configure":
      return [command.base, command.author, command.note, packChanges(command.changes)];
    case "count":
      return [
        command.revision,
        command.stampMax,
        command.moves.map(packMove),
        command.parts.map(({ key, fold, origins }) => [packKey(key), packFold(fold), origins]),
      ];
    case "count-frozen":
      return [
        packMove(command.move),
        command.stampMax,
        command.parts.map(({ key, end, fold }) => [packKey(key), end - key.start, packFold(fold)]),
      ];
    case "close":
    case "cursor":
      return [command.upTo];
    case "degrade":
      return [command.next, command.check, command.merges.map(packMerge)];
    case "checkpoint":
      return command.previous === undefined ? [null] : [[command.previous.index, command.previous.digest]];
    case "time":
      return [command.after, packTimeChange(command.change)];
  }
}

function unpackCommand(kind: Command["kind"], fields: Fields, keepChanges: (bytes: Uint8Array) => void): Command {
  switch (kind) {
    case "found":
      return { kind, site: fields.matching(isSiteId), generation: unpackGeneration(fields) };
    case "join":
      return { kind, joins: fields.list(joinsMax, unpackJoin) };
    case "remove":
      return { kind, device: fields.matching(isDeviceId) };
    case "configure": {
      const base = logIndex(fields.count());
      const author = fields.text(authorLengthMax);
      const note = fields.text(noteLengthMax);
      const packed = fields.bytes(limits.commandBytes);
      keepChanges(packed);
      const changes = unpackChanges(packed);
      fields.require(changes !== undefined);
      return { kind, base, author, note, changes: changes ?? [] };
    }
    case "count": {
      const revision = logIndex(fields.count());
      const stampMax = siteTime(fields.time());
      const moves = fields.list(movesMax, unpackMove);
      return {
        kind,
        revision,
        stampMax,
        moves,
        parts: fields.list(partsMax, (part) => unpackPart(part, moves.length)),
      };
    }
    case "count-frozen": {
      const move = fields.decoded(unpackMove);
      return { kind, move, stampMax: siteTime(fields.time()), parts: fields.list(partsMax, unpackFrozenPart) };
    }
    case "close":
      return { kind, upTo: siteTime(fields.time()) };
    case "cursor":
      return { kind, upTo: fields.count() };
    case "degrade":
      return {
        kind,
        next: fields.count(),
        check: fields.count(0xffff_ffff),
        merges: fields.list(limits.degradeMerges, unpackMerge),
      };
    case "checkpoint":
      return { kind, previous: fields.optional((each) => each.decoded(unpackPrevious)) };
    case "time":
      return { kind, after: fields.count(), change: fields.decoded(unpackTimeChange) };
  }
}

function unpackClient(value: unknown): ClientSerial | undefined {
  const fields = new Fields(value, 2);
  const client = { session: fields.matching(isHex32), serial: fields.count() };
  fields.require(client.serial >= 1);
  return fields.finish(client);
}

function unpackGeneration(fields: Fields): Generation {
  const number = fields.count();
  fields.require(number >= 1);
  return { number, nonce: fields.matching(isHex32) };
}

function unpackJoin(value: unknown): JoinRequest | undefined {
  const fields = new Fields(value, 6);
  return fields.finish({
    device: fields.matching(isDeviceId),
    incarnation: fields.matching(isIncarnation),
    session: fields.count(),
    start: fields.count(),
    was: fields.list(limits.incarnationsInherited, (item) => (isIncarnation(item) ? item : undefined)),
    version: fields.text(versionLengthMax),
  });
}

const packMove = ({ origin, from, to, check, stored }: CountMove): readonly unknown[] => [
  origin,
  from,
  to,
  check,
  stored,
];

function unpackMove(value: unknown): CountMove | undefined {
  const fields = new Fields(value, 5);
  const move = {
    origin: fields.matching(isMemberKey),
    from: fields.count(limits.readingNumber),
    to: fields.count(limits.readingNumber),
    check: fields.count(0xffff_ffff),
    stored: fields.count(limits.readingNumber),
  };
  fields.require(move.from < move.to && move.to <= move.stored);
  return fields.finish(move);
}

/** Origins ascend, so that there is one way to write a part. */
function unpackPart(value: unknown, moves: number): CountPart | undefined {
  const fields = new Fields(value, 3);
  const key = fields.decoded(unpackKey);
  const fold = fields.decoded(unpackFold);
  let next = 0;
  const origins = fields.list(moves, (item) => {
    if (!Number.isSafeInteger(item) || (item as number) < next || (item as number) >= moves) return undefined;
    next = (item as number) + 1;
    return item as number;
  });
  return fields.finish({ key, fold, origins });
}

function unpackFrozenPart(value: unknown): FrozenPart | undefined {
  const fields = new Fields(value, 3);
  const key = fields.decoded(unpackKey);
  const span = fields.count();
  fields.require(span > 0);
  const fold = fields.decoded(unpackFold);
  return fields.finish(key && { key, end: siteTime(key.start + span), fold });
}

function unpackPrevious(value: unknown): { index: ReturnType<typeof logIndex>; digest: string } | undefined {
  const fields = new Fields(value, 2);
  return fields.finish({ index: logIndex(fields.count()), digest: fields.matching(isHex32) });
}

const isHex32 = (value: unknown): value is string => typeof value === "string" && hex32.test(value);
const isSiteId = (value: unknown): value is SiteId => typeof value === "string" && siteName.test(value);
