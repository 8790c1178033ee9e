import { createHash } from 'node:crypto';
import { DomainError } from '../../../domain/errors.ts';
import type { CollectionId } from '../../../domain/ids.ts';
import type { IdempotencyClaim } from '../../../domain/ports/runs.ts';
import { type Principal, principalKey } from '../../../domain/principal.ts';
import type { SendMessageCommand } from '../../services.ts';
import { cutAt } from '../agent/well-formed.ts';

const TITLE_LENGTH_MAX = 80;
const KEY_LENGTH_MAX = 200;
/** Somewhat more than the day that is promised. */
const KEY_TTL_MS = 25 * 60 * 60_000;

/** Throws BAD_USER_INPUT for what no store could keep as it is, or no model should read. */
export function checkMessage(command: SendMessageCommand, lengthMax: number): void {
  const { text, idempotencyKey } = command;
  if (text.trim() === '') throw new DomainError('BAD_USER_INPUT', 'The message is empty.');
  if (text.length > lengthMax) {
    throw new DomainError('BAD_USER_INPUT', `A message has at most ${lengthMax} characters.`);
  }
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new DomainError('BAD_USER_INPUT', 'The message is not well-formed Unicode text.');
  }
  if (idempotencyKey === undefined) return;
  const isUsable = idempotencyKey.length <= KEY_LENGTH_MAX && /^[\x21-\x7e]+$/.test(idempotencyKey);
  if (!isUsable) {
    throw new DomainError(
      'BAD_USER_INPUT',
      `An idempotency key is 1 to ${KEY_LENGTH_MAX} printable characters.`,
    );
  }
}

/** The message's first line, cut between words where there are any. */
export function titleOf(text: string): string {
  const line = (text.trim().split(/[\r\n]/, 1)[0] ?? '').replace(/\s+/g, ' ').trim();
  if (line.length <= TITLE_LENGTH_MAX) return line;
  const cut = cutAt(line, TITLE_LENGTH_MAX - 1);
  const space = cut.lastIndexOf(' ');
  return `${(space > TITLE_LENGTH_MAX / 2 ? cut.slice(0, space) : cut).trimEnd()}…`;
}

/** undefined without a key: such a message is always a new one. */
export function claimOf(
  principal: Principal,
  command: SendMessageCommand,
  collectionIds: readonly CollectionId[],
  now: number,
): IdempotencyClaim | undefined {
  if (command.idempotencyKey === undefined) return undefined;
  const payload = [command.text, command.conversationId ?? null, [...collectionIds].sort()];
  return {
    principalKey: principalKey(principal),
    operation: 'sendMessage',
    key: command.idempotencyKey,
    payloadHash: createHash('sha256').update(JSON.stringify(payload)).digest('hex'),
    expiresAt: now + KEY_TTL_MS,
  };
}
