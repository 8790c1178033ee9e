import { z } from 'zod';
import { DomainError } from '../../../domain/errors.ts';
import type { MetadataFilter } from '../../../domain/metadata-filter.ts';

const CONDITIONS_MAX = 16;
const VALUES_MAX = 100;
const FIELD_LENGTH_MAX = 64;
const VALUE_LENGTH_MAX = 1_000;

const text = z.string().max(VALUE_LENGTH_MAX);
const scalar = z.union([text, z.number(), z.boolean()]);
const ordered = z.union([text, z.number()]);
const operators = z
  .strictObject({
    eq: scalar.optional(),
    gte: ordered.optional(),
    lte: ordered.optional(),
    in: z.array(scalar).min(1).max(VALUES_MAX).optional(),
    exists: z.boolean().optional(),
  })
  .refine((condition) => Object.keys(condition).length > 0, 'names no operator');
const filterSchema = z.record(z.string().min(1).max(FIELD_LENGTH_MAX), z.union([scalar, operators]));

/**
 * The client's `{ field: value | { eq gte lte in exists } }` as conditions that must all hold. Throws BAD_USER_INPUT
 * naming the field for anything else: an operator that is silently ignored would return what was meant to be hidden.
 */
export function parseFilter(filter: Readonly<Record<string, unknown>> | undefined): MetadataFilter {
  if (filter === undefined) return [];
  const parsed = filterSchema.safeParse(filter);
  if (!parsed.success) throw refusal(parsed.error.issues[0]?.path[0]);
  const fields = Object.entries(parsed.data);
  if (fields.length > CONDITIONS_MAX) {
    throw new DomainError('BAD_USER_INPUT', `A filter has at most ${CONDITIONS_MAX} fields.`);
  }
  return fields.map(([field, value]) => {
    if (typeof value !== 'object') return { field, eq: value };
    const given = Object.entries(value).filter(([, operand]) => operand !== undefined);
    return { field, ...Object.fromEntries(given) };
  });
}

function refusal(field: PropertyKey | undefined): DomainError {
  const where = field === undefined ? 'The filter' : `The filter of "${String(field)}"`;
  return new DomainError('BAD_USER_INPUT', `${where} must be a value or { eq, gte, lte, in, exists }.`);
}
