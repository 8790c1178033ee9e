import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { type Clause, toMatch } from './clauses.ts';
import type { MongoConnection } from './mongo-connection.ts';
import type { MongoModels } from './mongo-models.ts';
import { type CompiledSelection, toRangeMatch } from './selection.ts';

/** Distinct metadata that one range may select inside a search stage. */
const METADATA_KEYS_MAX = 20_000;
const rowsSchema = z.array(z.object({ _id: z.string() }));

/**
 * The clauses of a selection for a search stage. Ranges become the keys of the metadata within them: metadata belongs
 * to documents, so there are few of them beside chunks, and the stage still filters exactly and fills its limit.
 */
export async function resolveRanges(
  connection: MongoConnection,
  models: MongoModels,
  { clauses, ranges }: CompiledSelection,
): Promise<readonly Clause[]> {
  if (ranges.length === 0) return clauses;
  const { $and } = toMatch(clauses);
  const rows = await connection.run(() =>
    models.chunks
      .aggregate([
        { $match: { $and: [...$and, ...ranges.map(toRangeMatch)] } },
        { $group: { _id: '$metadataKey' } },
        { $limit: METADATA_KEYS_MAX + 1 },
      ])
      .option({ maxTimeMS: connection.operationTimeoutMs })
      .exec(),
  );
  const keys = rowsSchema.parse(rows).map(({ _id }) => _id);
  if (keys.length <= METADATA_KEYS_MAX) return [...clauses, { path: 'metadataKey', in: keys }];
  throw new DomainError(
    'LIMIT_EXCEEDED',
    `A range may select at most ${METADATA_KEYS_MAX} different metadata; narrow the filter.`,
  );
}
