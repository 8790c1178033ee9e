/**
 * Branded identifiers. Every id is `<prefix>_<26 characters of lower-case Crockford base32>`; the prefix names the
 * kind, so that an id of one kind handed in for another is recognised before any store is asked.
 */
declare const brand: unique symbol;
type Branded<Kind extends string> = string & { readonly [brand]: Kind };

export type WorkspaceId = Branded<'workspace'>;
export type UserId = Branded<'user'>;
export type ApiKeyId = Branded<'apiKey'>;
export type SessionId = Branded<'session'>;
export type CollectionId = Branded<'collection'>;
export type DocumentId = Branded<'document'>;
export type ChunkId = Branded<'chunk'>;
export type UploadId = Branded<'upload'>;
export type ConversationId = Branded<'conversation'>;
export type MessageId = Branded<'message'>;
export type RunId = Branded<'run'>;
export type EmbeddingDeploymentId = Branded<'embeddingDeployment'>;

interface IdKinds {
  wsp: WorkspaceId;
  usr: UserId;
  key: ApiKeyId;
  ses: SessionId;
  col: CollectionId;
  doc: DocumentId;
  chk: ChunkId;
  upl: UploadId;
  cnv: ConversationId;
  msg: MessageId;
  run: RunId;
  dep: EmbeddingDeploymentId;
}
export type IdPrefix = keyof IdKinds;
export type IdOf<P extends IdPrefix> = IdKinds[P];

const SHAPE = /^([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}$/;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** The id, if `value` has the shape of an id of this kind; else undefined. Never asks a store. */
export function parseId<P extends IdPrefix>(prefix: P, value: string): IdOf<P> | undefined {
  return SHAPE.exec(value)?.[1] === prefix ? (value as string as IdOf<P>) : undefined;
}

/** For values that this system made and stored itself: rows of its own stores. */
export function trustedId<P extends IdPrefix>(_prefix: P, value: string): IdOf<P> {
  return value as string as IdOf<P>;
}

/** 48 bits of milliseconds and 80 random bits (the ULID layout): ids made later sort later. */
export function makeId<P extends IdPrefix>(prefix: P, nowMs: number, random: Uint8Array): IdOf<P> {
  let bits = BigInt(nowMs);
  for (const byte of random.subarray(0, 10)) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let index = 0; index < 26; index += 1) {
    text = ALPHABET[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return `${prefix}_${text}` as string as IdOf<P>;
}

/** The answer's message id is derived from its run, so that appending it twice is harmless. */
export function answerMessageId(runId: RunId): MessageId {
  return `msg_${runId.slice(4)}` as string as MessageId;
}
