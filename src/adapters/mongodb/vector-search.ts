import { z } from 'zod';
import { trustedId } from '../../domain/ids.ts';
import type { ChunkSelection, EmbeddingModelRef, ScoredChunk } from '../../domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { MongoCapabilities } from './capabilities.ts';
import { toMatch } from './clauses.ts';
import { vectorIndexNameOf, vectorPathOf } from './index-definitions.ts';
import type { MongoConnection } from './mongo-connection.ts';
import type { MongoModels } from './mongo-models.ts';
import { resolveRanges } from './range-resolver.ts';
import { ranked } from './ranked.ts';
import { compileSelection } from './selection.ts';
import { modelKeyOf, packVector } from './vector-codec.ts';
import type { WorkspaceView } from './workspace-states.ts';

/** The server's own bounds. */
const CANDIDATES_MAX = 10_000;
/** MongoDB's advice: at least twenty candidates for each result. */
const CANDIDATES_PER_RESULT = 20;
const CANDIDATES_MIN = 1_000;

const scoredSchema = z.array(
  z.object({ chunkId: z.string().transform((id) => trustedId('chk', id)), score: z.number() }),
);

export interface VectorQuery {
  readonly model: EmbeddingModelRef;
  readonly vector: Float32Array;
  readonly selection: ChunkSelection;
  readonly limit: number;
}
export interface VectorSearchDeps {
  readonly connection: MongoConnection;
  readonly models: MongoModels;
  readonly capabilities: MongoCapabilities;
}

/** `$vectorSearch` with the whole selection inside the stage, so that a filtered search still fills its limit. */
export class VectorSearch {
  readonly #deps: VectorSearchDeps;

  constructor(deps: VectorSearchDeps) {
    this.#deps = deps;
  }

  async search(
    scope: WorkspaceScope,
    view: WorkspaceView,
    query: VectorQuery,
  ): Promise<readonly ScoredChunk[]> {
    const compiled = compileSelection(scope, query.selection, view.hiddenEditions);
    if (compiled === undefined || query.limit < 1) return [];
    const { connection, models, capabilities } = this.#deps;
    const clauses = await resolveRanges(connection, models, compiled);
    if (clauses.some((clause) => 'in' in clause && clause.in.length === 0)) return [];
    const limit = Math.min(query.limit, CANDIDATES_MAX);
    const modelKey = modelKeyOf(query.model);
    const stage = {
      index: vectorIndexNameOf(modelKey),
      path: vectorPathOf(modelKey),
      queryVector: packVector(query.vector, capabilities.binaryVectors),
      numCandidates: Math.min(CANDIDATES_MAX, Math.max(CANDIDATES_MIN, limit * CANDIDATES_PER_RESULT)),
      limit,
      filter: toMatch(clauses),
    };
    const project = { _id: 0, chunkId: 1, score: { $meta: 'vectorSearchScore' } };
    const rows = await connection.run(() =>
      models.chunks
        .aggregate([{ $vectorSearch: stage }, { $project: project }] as never[])
        .option({ maxTimeMS: connection.operationTimeoutMs })
        .exec(),
    );
    return ranked(scoredSchema.parse(rows).map(toDotProduct), limit);
  }
}

/** The server says (1 + dot product) / 2. */
function toDotProduct({ chunkId, score }: ScoredChunk): ScoredChunk {
  return { chunkId, score: 2 * score - 1 };
}
