// A device's links, overheard where they leave it: what it says on Raft's topics is decoded for the checkers, and each publish
// to the uplink is noted. The frames themselves go on unchanged.

import { type MemberKey, memberKey } from "../../src/base/ids.ts";
import type { MqttLinks, MqttPublish } from "../../src/base/ports/mqtt-link.ts";
import type { Authenticator } from "../../src/mqtt/authenticator.ts";
import { decodeFrame } from "../../src/mqtt/frame.ts";
import { decodeMessage, messageKind, messageKinds } from "../../src/mqtt/messages.ts";
import type { RaftMessage } from "../../src/raft/types.ts";

export interface Listener {
  said(from: MemberKey, message: RaftMessage, to: MemberKey | undefined): void;
  /** Something was published to a broker outside the site. */
  published(): void;
}

/** What leaves a device is its own: nothing to check. */
const trusting: Authenticator = { sign: () => new Uint8Array(0), verify: () => true };

export function overheard(links: MqttLinks, uplinkUrl: string, listener: Listener): MqttLinks {
  return {
    open: (options, handlers) => {
      const link = links.open(options, handlers);
      const isUplink = options.url === uplinkUrl;
      const hear = (message: MqttPublish): void => {
        if (isUplink) listener.published();
        else listen(message, listener);
      };
      return {
        get isUp() {
          return link.isUp;
        },
        publish: (message, done) => {
          if (link.isUp) hear(message);
          link.publish(message, done);
        },
        close: (how) => link.close(how),
      };
    },
  };
}

function listen({ payload }: MqttPublish, listener: Listener): void {
  const decoded = decodeFrame(payload, trusting, (head) => {
    const kind = messageKind(head.kind);
    return kind !== undefined && messageKinds[kind].channel === "raft" ? undefined : "wrong-topic";
  });
  if (decoded.kind === "dropped") return;
  const { head, body } = decoded;
  const kind = messageKind(head.kind);
  const message = kind === undefined ? undefined : decodeMessage(kind, body);
  if (message === undefined) return;
  listener.said(memberKey(head.from), message as RaftMessage, head.to === undefined ? undefined : memberKey(head.to));
}
