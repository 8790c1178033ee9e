import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { DocumentId, WorkspaceId } from '../../domain/ids.ts';
import type { Clock } from '../../domain/ports/system.ts';
import type { MongoCapabilities } from './capabilities.ts';
import { editionOf } from './chunk-rows.ts';
import { type Clause, toCompound, toMatch } from './clauses.ts';
import { LEXICAL_INDEX, vectorIndexNameOf, vectorPathOf } from './index-definitions.ts';
import type { MongoConnection } from './mongo-connection.ts';
import type { MongoModels } from './mongo-models.ts';
import { dimensionsOf, packVector } from './vector-codec.ts';

const LAG_MAX_MS = 2 * 60_000;
const POLL_MS = 50;
const POLL_MAX_MS = 1_000;
/** `$vectorSearch` gives no more at once: of a longer document, that many must be there. */
const VECTORS_COUNTED_MAX = 10_000;

const countSchema = z.array(z.object({ count: z.number() }));
const metaSchema = z.array(z.object({ count: z.object({ total: z.coerce.number() }) }));

export interface Edition {
  readonly workspaceId: WorkspaceId;
  readonly documentId: DocumentId;
  readonly version: number;
  readonly chunkCount: number;
}
export interface IndexLagDeps {
  readonly connection: MongoConnection;
  readonly models: MongoModels;
  readonly capabilities: MongoCapabilities;
  readonly clock: Clock;
}

/** Search indexes follow the collection after a while; a version must be whole in them before readers see it. */
export class IndexLag {
  readonly #deps: IndexLagDeps;

  constructor(deps: IndexLagDeps) {
    this.#deps = deps;
  }

  /** Throws DEADLINE_EXCEEDED (retryable) when an index does not catch up. */
  async waitFor(edition: Edition): Promise<void> {
    const { clock } = this.#deps;
    const questions = await this.#questions(edition);
    const deadline = clock.now() + LAG_MAX_MS;
    for (let waitMs = POLL_MS; ; waitMs = Math.min(waitMs * 2, POLL_MAX_MS)) {
      const answers = await Promise.all(
        questions.map(async ({ count, wanted }) => (await count()) >= wanted),
      );
      if (answers.every(Boolean)) return;
      if (clock.now() >= deadline) {
        throw new DomainError('DEADLINE_EXCEEDED', 'The search indexes of MongoDB are lagging behind.');
      }
      await clock.sleep(waitMs);
    }
  }

  async #questions(edition: Edition): Promise<readonly Question[]> {
    if (edition.chunkCount === 0) return [];
    const { connection, models, capabilities } = this.#deps;
    const { workspaceId, documentId, version } = edition;
    const clauses: readonly Clause[] = [
      { path: 'workspaceId', in: [workspaceId] },
      { path: 'edition', in: [editionOf(documentId, version)] },
    ];
    const filter = { workspaceId, documentId, version };
    const modelKeys = await connection.run(() => models.chunks.distinct('models', filter).exec());
    const questions = modelKeys.map(async (modelKey): Promise<Question> => {
      const withVector = { ...filter, [vectorPathOf(modelKey)]: { $exists: true } };
      const stored = await connection.run(() => models.chunks.countDocuments(withVector).exec());
      const wanted = Math.min(stored, VECTORS_COUNTED_MAX);
      return { wanted, count: () => this.#countVectors(modelKey, clauses, wanted) };
    });
    const lexical = { wanted: edition.chunkCount, count: () => this.#countLexical(clauses) };
    return [...(capabilities.search ? [lexical] : []), ...(await Promise.all(questions))];
  }

  async #countVectors(modelKey: string, clauses: readonly Clause[], limit: number): Promise<number> {
    if (limit === 0) return 0;
    const anyDirection = new Float32Array(dimensionsOf(modelKey));
    anyDirection[0] = 1;
    const stage = {
      ...{ index: vectorIndexNameOf(modelKey), path: vectorPathOf(modelKey), exact: true, limit },
      queryVector: packVector(anyDirection, this.#deps.capabilities.binaryVectors),
      filter: toMatch(clauses),
    };
    const rows = await this.#aggregate([{ $vectorSearch: stage }, { $count: 'count' }]);
    return countSchema.parse(rows)[0]?.count ?? 0;
  }

  async #countLexical(clauses: readonly Clause[]): Promise<number> {
    const stage = { index: LEXICAL_INDEX, compound: toCompound(clauses), count: { type: 'total' } };
    return metaSchema.parse(await this.#aggregate([{ $searchMeta: stage }]))[0]?.count.total ?? 0;
  }

  #aggregate(pipeline: readonly Record<string, unknown>[]): Promise<unknown> {
    const { connection, models } = this.#deps;
    const options = { maxTimeMS: connection.operationTimeoutMs };
    return connection.run(() => models.chunks.collection.aggregate([...pipeline], options).toArray());
  }
}

interface Question {
  /** Chunks that the index must have. */
  readonly wanted: number;
  readonly count: () => Promise<number>;
}
