/** One message kind's body, to and from plain data that CBOR carries. */
export interface Codec<Message> {
  encode(message: Message): unknown;
  /** Undefined for anything that is not such a body. Never throws. */
  decode(body: unknown): Message | undefined;
}

/** The members of a union that may be of `Kind`; several kinds may share one shape. */
export type OfKind<Union extends { readonly kind: string }, Kind> = Union extends unknown
  ? Kind extends Union["kind"]
    ? Union & { readonly kind: Kind }
    : never
  : never;
