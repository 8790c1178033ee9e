import { z } from 'zod';
import type { ErrorInfo } from '../../domain/errors.ts';
import type { Page } from '../../domain/ports/system.ts';

/** A timestamptz column as milliseconds since the epoch. */
export const millis = z.date().transform((date) => date.getTime());

export const errorInfo: z.ZodType<ErrorInfo | null> = z
  .object({ code: z.string(), message: z.string(), retryable: z.boolean() })
  .nullable();

/** JSON columns of our own statements: the driver would send an array or null in its own way. */
export function toJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

/** The page of a query that asked for one row more than `first`. */
export function pageOf<Row, Item>(rows: readonly Row[], first: number, map: (row: Row) => Item): Page<Item> {
  return { items: rows.slice(0, first).map(map), hasNextPage: rows.length > first };
}
