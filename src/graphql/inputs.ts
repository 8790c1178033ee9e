/** What every resolver does with what a client sent, before it calls a service. */
import { z } from 'zod';
import type { Metadata } from '../domain/document.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { type CollectionId, type IdOf, type IdPrefix, parseId } from '../domain/ids.ts';

const PAGE_SIZE_DEFAULT = 20;
const PAGE_SIZE_MAX = 100;
const COLLECTION_COUNT_MAX = 100;
const METADATA_FIELD_COUNT_MAX = 100;
const METADATA_LIST_LENGTH_MAX = 1_000;
const METADATA_NAME_LENGTH_MAX = 128;
const METADATA_TEXT_LENGTH_MAX = 4_096;

const WHAT: Readonly<Record<IdPrefix, string>> = {
  wsp: 'workspace',
  usr: 'user',
  key: 'API key',
  ses: 'session',
  col: 'collection',
  doc: 'document',
  chk: 'chunk',
  upl: 'upload',
  cnv: 'conversation',
  msg: 'message',
  run: 'run',
  dep: 'embedding deployment',
};

/** Throws NOT_FOUND for anything that is not an id of this kind: it cannot exist. */
export function requireId<P extends IdPrefix>(prefix: P, value: string): IdOf<P> {
  const id = parseId(prefix, value);
  if (id === undefined) throw notFound(WHAT[prefix]);
  return id;
}

export function optionalId<P extends IdPrefix>(
  prefix: P,
  value: string | null | undefined,
): IdOf<P> | undefined {
  return value === null || value === undefined ? undefined : requireId(prefix, value);
}

/** Page size: capped, not refused, above the maximum; BAD_USER_INPUT below zero. */
export function pageSize(first: number | null | undefined): number {
  if (first === null || first === undefined) return PAGE_SIZE_DEFAULT;
  if (first < 0) throw new DomainError('BAD_USER_INPUT', '`first` must not be negative.');
  return Math.min(first, PAGE_SIZE_MAX);
}

export function collectionIds(
  values: readonly string[] | null | undefined,
): readonly CollectionId[] | undefined {
  if (values === null || values === undefined) return undefined;
  if (values.length > COLLECTION_COUNT_MAX) {
    throw new DomainError('BAD_USER_INPUT', `At most ${COLLECTION_COUNT_MAX} collections at once.`);
  }
  return values.map((value) => requireId('col', value));
}

/** GraphQL says null where the services say undefined. */
export function given<Value>(value: Value | null | undefined): Value | undefined {
  return value ?? undefined;
}

/** A single-line value: name, title, key, e-mail. `lengthMax` in UTF-16 units. The value is never echoed. */
export function shortText(name: string, value: string, lengthMax: number): string {
  if (value.length <= lengthMax && !value.includes('\0') && value.isWellFormed()) return value;
  throw new DomainError(
    'BAD_USER_INPUT',
    `\`${name}\` must have at most ${lengthMax} characters and no NUL characters.`,
  );
}

export function optionalShortText(
  name: string,
  value: string | null | undefined,
  lengthMax: number,
): string | undefined {
  return value === null || value === undefined ? undefined : shortText(name, value, lengthMax);
}

const storable = (value: string): boolean => !value.includes('\0') && value.isWellFormed();
const scalar = z.union([z.string().max(METADATA_TEXT_LENGTH_MAX).refine(storable), z.number(), z.boolean()]);
const metadataSchema = z
  .record(
    z.string().min(1).max(METADATA_NAME_LENGTH_MAX).refine(storable),
    z.union([scalar, z.array(scalar).max(METADATA_LIST_LENGTH_MAX)]),
  )
  .refine((value) => Object.keys(value).length <= METADATA_FIELD_COUNT_MAX);

export function parseMetadata(
  value: Readonly<Record<string, unknown>> | null | undefined,
): Metadata | undefined {
  if (value === null || value === undefined) return undefined;
  const parsed = metadataSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new DomainError(
    'BAD_USER_INPUT',
    `\`metadata\` takes up to ${METADATA_FIELD_COUNT_MAX} fields whose values are strings, numbers, booleans or lists of them.`,
  );
}
