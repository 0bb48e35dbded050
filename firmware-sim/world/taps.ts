// What checkers are told of a device behind its back: which records its card has synced, and what leaves on its links.
//
// Each tap stands between an agent and one port of it, hands everything on unchanged, and adds no event of its own.

import { type MemberKey, memberKey } from "../../src/base/ids.ts";
import type { DataDirectory } from "../../src/base/ports/data-directory.ts";
import type { LogFile, LogFiles, LogPosition } from "../../src/base/ports/log-file.ts";
import type { MqttLink, MqttLinks } from "../../src/base/ports/mqtt-link.ts";
import { type Authenticator, publishedAuthenticator } from "../../src/mqtt/authenticator.ts";
import { decodeFrame } from "../../src/mqtt/frame.ts";
import { decodeMessage, messageKind, messageKinds } from "../../src/mqtt/messages.ts";
import { raftCodecs } from "../../src/mqtt/raft-codec.ts";
import type { RaftMessage } from "../../src/raft/types.ts";

type RecordTold = (log: string, position: LogPosition, payload: Uint8Array) => void;

/**
 * `told` of each record once its sync has returned, before the agent hears of it; `found` of each that opening a log finds, also
 * of one that a power cut left whole although its sync had not returned.
 */
export function tappedData(data: DataDirectory, told: RecordTold, found: RecordTold = () => undefined): DataDirectory {
  const logFiles: LogFiles = {
    open: async (name, options, recovered) => {
      const { log, recovery } = await data.logFiles.open(name, options, (record) => {
        found(name, record.position, record.payload);
        recovered(record);
      });
      return { log: tappedLog(log, (position, payload) => told(name, position, payload)), recovery };
    },
    setAside: (name) => data.logFiles.setAside(name),
  };
  return Object.create(data, { logFiles: { value: logFiles } }) as DataDirectory;
}

function tappedLog(log: LogFile, told: (position: LogPosition, payload: Uint8Array) => void): LogFile {
  return {
    get next() {
      return log.next;
    },
    append: (payload, done) => {
      const position: LogPosition = log.append(payload, (failure) => {
        if (failure === undefined) told(position, payload);
        done(failure);
      });
      return position;
    },
    read: (from, maxBytes, done) => log.read(from, maxBytes, done),
    release: (position) => log.release(position),
    usage: () => log.usage(),
    close: () => log.close(),
  };
}

export interface SentTold {
  /** A Raft message left for a broker of the site. */
  said(from: MemberKey, message: RaftMessage, to: MemberKey | undefined): void;
  /** Something left for a broker outside the site. */
  published(): void;
}

/** `told` of what a connected link was given, before the network has it. */
export function tappedLinks(links: MqttLinks, isUplink: (url: string) => boolean, told: SentTold): MqttLinks {
  return {
    open: (options, handlers) => {
      const link = links.open(options, handlers);
      const look = isUplink(options.url)
        ? () => told.published()
        : (payload: Uint8Array) => {
            const heard = raftMessageIn(payload);
            if (heard !== undefined) told.said(heard.from, heard.message, heard.to);
          };
      return tappedLink(link, look);
    },
  };
}

function tappedLink(link: MqttLink, look: (payload: Uint8Array) => void): MqttLink {
  return {
    get isUp() {
      return link.isUp;
    },
    publish: (message, done) => {
      if (link.isUp) look(message.payload);
      link.publish(message, done);
    },
    close: (how) => link.close(how),
  };
}

/** What it says is looked at, not whether it may be believed. */
const believing: Authenticator = { ...publishedAuthenticator, verify: () => true };
/** Broadcast or unicast, and looked into by a checker; chunks of snapshots are many bytes, and promise nothing. */
const isRaft = (kind: string): kind is RaftMessage["kind"] => kind in raftCodecs && kind !== "snapshot-chunk";

function raftMessageIn(
  payload: Uint8Array,
): { readonly from: MemberKey; readonly to: MemberKey | undefined; readonly message: RaftMessage } | undefined {
  const decoded = decodeFrame(payload, believing, (head) => {
    const kind = messageKind(head.kind);
    return kind === undefined || !isRaft(kind) ? "unknown-kind" : undefined;
  });
  if (decoded.kind === "dropped") return undefined;
  const { head, body } = decoded;
  const kind = messageKind(head.kind);
  if (kind === undefined || messageKinds[kind].channel !== "raft") return undefined;
  const message = decodeMessage(kind, body);
  if (message === undefined || !isRaft(message.kind)) return undefined;
  const to = head.to === undefined ? undefined : memberKey(head.to);
  return { from: memberKey(head.from), to, message: message as RaftMessage };
}
