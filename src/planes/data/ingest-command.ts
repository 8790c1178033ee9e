import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { IdempotencyClaim } from '../../domain/ports/runs.ts';
import { type Principal, principalKey } from '../../domain/principal.ts';
import type { IngestCommand } from '../services.ts';

const METADATA_JSON_LENGTH_MAX = 16_384;
const IDEMPOTENCY_MS = 48 * 60 * 60 * 1000;

/** What every store can hold. */
const text = z
  .string()
  .refine(
    (value) => value.isWellFormed() && !value.includes('\0'),
    'contains characters that cannot be stored',
  );
const name = (lengthMax: number) =>
  text.refine(
    (value) => value.trim() !== '' && value.length <= lengthMax,
    `has 1 to ${lengthMax} characters`,
  );
const scalar = z.union([text, z.number(), z.boolean()]);
const commandSchema = z.object({
  idempotencyKey: name(200).optional(),
  externalId: name(500).optional(),
  title: name(500).optional(),
  metadata: z
    .record(name(100), z.union([scalar, z.array(scalar)]))
    .refine((value) => JSON.stringify(value).length <= METADATA_JSON_LENGTH_MAX, 'is too large')
    .optional(),
});

/** Throws BAD_USER_INPUT that names the field. The source is checked where it is read. */
export function checkCommand(command: IngestCommand): void {
  const problem = commandSchema.safeParse(command).error?.issues[0];
  if (problem === undefined) return;
  throw new DomainError('BAD_USER_INPUT', `\`${problem.path.join('.')}\`: ${problem.message}.`);
}

/** The payload is what the client sent: a URL counts by its name, because what it holds may change between two tries. */
export function idempotencyOf(
  principal: Principal,
  command: IngestCommand,
  now: number,
): IdempotencyClaim | undefined {
  const { idempotencyKey: key, ...payload } = command;
  if (key === undefined) return undefined;
  const payloadHash = createHash('sha256').update(canonicalJson(payload)).digest('hex');
  return {
    principalKey: principalKey(principal),
    operation: 'ingest',
    key,
    payloadHash,
    expiresAt: now + IDEMPOTENCY_MS,
  };
}

/** Keys in one order, undefined left out, however the client wrote them. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  );
}
