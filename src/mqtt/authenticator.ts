// Who may speak: every frame ends in a truncated HMAC-SHA-256 (RFC 2104, truncated as in RFC 2104 §5), over everything
// before it, exactly as it was sent. Keys are chosen by (from, to), so that unicast can be under pairwise keys.

import { HmacKey, isEqualSecret } from "../base/hash.ts";
import type { Member } from "../base/ids.ts";

/** Bytes of the authentication field at the end of a frame. */
export const authenticationBytes = 16;

export interface Authenticator {
  /** `authenticationBytes` over `content`. `to` absent: for everyone. */
  sign(from: Member, to: Member | undefined, content: Uint8Array): Uint8Array;
  verify(from: Member, to: Member | undefined, content: Uint8Array, field: Uint8Array): boolean;
}

/**
 * NOT A SECRET. The fixed, published key of sites without identities of their own: it finds damage and strangers' traffic,
 * and keeps nobody out who wants in.
 */
const publishedKey = new HmacKey(Buffer.from("skein: published key of sites without identities"));

export const publishedAuthenticator: Authenticator = {
  sign: (_from, _to, content) => publishedKey.truncated(content, authenticationBytes),
  verify: (_from, _to, content, field) => isEqualSecret(publishedKey.truncated(content, authenticationBytes), field),
};
