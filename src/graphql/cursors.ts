import { DomainError, notFound } from '../domain/errors.ts';
import { type ConversationId, type DocumentId, parseId, type RunId } from '../domain/ids.ts';
import type { DocumentKey } from '../domain/ports/documents.ts';
import type { ConversationKey } from '../domain/ports/runs.ts';

/**
 * A cursor is the base64url of `<id>.<number>`: where in what. Deterministic, so that a replay years later gives the
 * same cursors; and it names its owner, so that one of another run is told from a malformed one.
 */
const NUMBER_MAX_DIGITS = 16;
const CURSOR = new RegExp(`^([a-z]{3}_[0-9a-z]{26})\\.(0|[1-9][0-9]{0,${NUMBER_MAX_DIGITS - 1}})$`);
/** Sequences above this are encoded each time; below, once per process. */
const SUFFIX_CACHE_MAX = 4096;
const suffixes: string[] = [];

function encoded(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64url');
}

/** Ids have 30 characters, a multiple of 3: base64 of id and suffix is base64 of the id followed by base64 of the suffix. */
export function cursorPrefix(id: string): string {
  return encoded(id);
}

export function cursorSuffix(number: number): string {
  if (number >= SUFFIX_CACHE_MAX) return encoded(`.${number}`);
  let suffix = suffixes[number];
  if (suffix === undefined) {
    suffix = encoded(`.${number}`);
    suffixes[number] = suffix;
  }
  return suffix;
}

export function encodeCursor(id: string, number: number): string {
  return cursorPrefix(id) + cursorSuffix(number);
}

function decode(cursor: string): { readonly id: string; readonly number: number } {
  const [, id, digits] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  const number = Number(digits);
  if (id === undefined || !Number.isSafeInteger(number) || encodeCursor(id, number) !== cursor) {
    throw new DomainError('BAD_USER_INPUT', 'This is not a cursor of this server.');
  }
  return { id, number };
}

/** The sequence after which to go on; -1 without a cursor. Throws NOT_FOUND for a cursor of something else. */
export function positionIn(
  owner: RunId | DocumentId | ConversationId,
  cursor: string | null | undefined,
): number {
  if (cursor === null || cursor === undefined) return -1;
  const { id, number } = decode(cursor);
  if (id !== owner) throw notFound('cursor here');
  return number;
}

export function documentKey(cursor: string | null | undefined): DocumentKey | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const { id, number } = decode(cursor);
  const documentId = parseId('doc', id);
  if (documentId === undefined) throw notFound('cursor here');
  return { createdAt: number, id: documentId };
}

export function conversationKey(cursor: string | null | undefined): ConversationKey | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const { id, number } = decode(cursor);
  const conversationId = parseId('cnv', id);
  if (conversationId === undefined) throw notFound('cursor here');
  return { updatedAt: number, id: conversationId };
}
