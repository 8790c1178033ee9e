import { DomainError, notFound } from '../domain/errors.ts';
import { type ConversationId, type DocumentId, type IdPrefix, parseId, type RunId } from '../domain/ids.ts';
import type { DocumentKey } from '../domain/ports/documents.ts';
import type { ConversationKey } from '../domain/ports/runs.ts';
import type { Principal } from '../domain/principal.ts';

/**
 * A cursor is the base64url of `<id>.<number>`: where in what. Deterministic, so that a replay years later gives the
 * same cursors; and it names its owner, so that one of another run, user or workspace is told from a malformed one.
 */
const NUMBER_MAX_DIGITS = 16;
const ID = '[a-z]{3}_[0-9a-z]{26}';
const CURSOR = new RegExp(`^(${ID}(?:\\.${ID}){0,2})\\.(0|[1-9][0-9]{0,${NUMBER_MAX_DIGITS - 1}})$`);
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
  if (id === undefined || !Number.isSafeInteger(number) || encoded(`${id}.${digits}`) !== cursor) {
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

/** Whose list: a cursor of another owner's list is not found. */
export function documentsOwner({ workspaceId }: Principal): string {
  return workspaceId;
}

export function conversationsOwner({ workspaceId, userId }: Principal): string {
  return `${workspaceId}.${userId}`;
}

/** The base64url of `<owner>.<id>.<number>`: after which item of whose list. */
export function encodeListCursor(owner: string, id: string, number: number): string {
  return encoded(`${owner}.${id}.${number}`);
}

export function documentKey(owner: string, cursor: string | null | undefined): DocumentKey | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const { id, number } = decodeListItem(owner, 'doc', cursor);
  return { createdAt: number, id };
}

export function conversationKey(
  owner: string,
  cursor: string | null | undefined,
): ConversationKey | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const { id, number } = decodeListItem(owner, 'cnv', cursor);
  return { updatedAt: number, id };
}

function decodeListItem<P extends IdPrefix>(owner: string, prefix: P, cursor: string) {
  const { id: path, number } = decode(cursor);
  const id = path.startsWith(`${owner}.`) ? parseId(prefix, path.slice(owner.length + 1)) : undefined;
  if (id === undefined) throw notFound('cursor here');
  return { id, number };
}
