import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';

export interface RunLogEntry {
  readonly firstSequence: number;
  /** Sequence after the last event. */
  readonly next: number;
  /** The events, as they were encoded. */
  readonly text: string;
}

const entries = z.array(z.tuple([z.string(), z.array(z.string())]));

/** What XRANGE answers for a stream whose entries have one field. Throws STORE_UNAVAILABLE for anything else. */
export function parseEntries(answer: unknown): readonly RunLogEntry[] {
  const parsed = entries.safeParse(answer);
  if (!parsed.success) {
    const message = 'The log of a run in Redis is not of this system.';
    throw new DomainError('STORE_UNAVAILABLE', message, { retryable: false, cause: parsed.error });
  }
  return parsed.data.map(([id, [, text = '']]) => {
    const [next = 0, count = 0] = id.split('-').map(Number);
    return { firstSequence: next - count, next, text };
  });
}
