import { z } from 'zod';
import type { Citation } from '../../domain/citation.ts';
import type { Message } from '../../domain/conversation.ts';
import { DomainError } from '../../domain/errors.ts';
import { type ConversationId, trustedId } from '../../domain/ids.ts';
import { bucketOf } from './schema.ts';

interface MessageRow {
  readonly position: number;
  readonly message_id: string;
  readonly role: Message['role'];
  readonly text: string;
  readonly run_id: string;
  readonly citations: string;
  readonly created_at: Date;
}
const citationsSchema = z.array(
  z.object({
    index: z.int(),
    chunkId: z.string().transform((id) => trustedId('chk', id)),
    documentId: z.string().transform((id) => trustedId('doc', id)),
    documentTitle: z.string(),
    documentVersion: z.int(),
    headingPath: z.array(z.string()),
    page: z.int().nullable(),
    quote: z.string(),
    sourceStart: z.int(),
    sourceEnd: z.int(),
    answerStart: z.int(),
    answerEnd: z.int(),
  }),
);

export const MESSAGE_COLUMNS = 'position, message_id, role, text, run_id, citations, created_at';

/** The values of a message after those of its partition, in the order of MESSAGE_COLUMNS. None is null: no tombstones. */
export function messageValues(message: Message): readonly unknown[] {
  const { position, id, role, text, runId, citations, createdAt } = message;
  return [position, id, role, encodeText(text), runId, JSON.stringify(citations), new Date(createdAt)];
}

export function partitionOf(workspaceId: string, { conversationId, position }: Message): readonly unknown[] {
  return [workspaceId, conversationId, bucketOf(position)];
}

/** Throws STORE_UNAVAILABLE, not retryable, for a row that this module did not write. */
export function toMessage(conversationId: ConversationId, row: unknown): Message {
  if (!isMessageRow(row)) throw damaged(undefined);
  return {
    id: trustedId('msg', row.message_id),
    conversationId,
    position: row.position,
    role: row.role,
    text: decodeText(row.text),
    runId: trustedId('run', row.run_id),
    citations: parseCitations(row.citations),
    createdAt: row.created_at.getTime(),
  };
}

/** By hand, because every page pays for it, row by row. */
function isMessageRow(row: unknown): row is MessageRow {
  if (!(row instanceof Object)) return false;
  const fields: Partial<Record<keyof MessageRow, unknown>> = row;
  return (
    Number.isInteger(fields.position) &&
    typeof fields.message_id === 'string' &&
    (fields.role === 'USER' || fields.role === 'ASSISTANT') &&
    typeof fields.text === 'string' &&
    typeof fields.run_id === 'string' &&
    typeof fields.citations === 'string' &&
    fields.created_at instanceof Date
  );
}

export function damaged(cause: unknown): DomainError {
  const message = 'A row of the chat log is damaged; restore the ScyllaDB keyspace from a backup.';
  return new DomainError('STORE_UNAVAILABLE', message, { retryable: false, cause });
}

/**
 * UTF-8 has no place for half a surrogate pair, which a model may produce and a reader was shown: such a text is stored
 * as JSON behind a NUL, everything else as it is.
 */
function encodeText(text: string): string {
  return text.isWellFormed() && !text.startsWith('\0') ? text : `\0${JSON.stringify(text)}`;
}

function decodeText(stored: string): string {
  return stored.startsWith('\0') ? z.string().parse(parseJson(stored.slice(1))) : stored;
}

function parseCitations(stored: string): readonly Citation[] {
  if (stored === '[]') return [];
  const parsed = citationsSchema.safeParse(parseJson(stored));
  if (!parsed.success) throw damaged(parsed.error);
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(error);
  }
}
