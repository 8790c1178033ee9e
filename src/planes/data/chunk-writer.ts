import type { Chunk } from '../../domain/document.ts';
import type { EmbeddingDeployment } from '../../domain/embedding-deployment.ts';
import type { CollectionId, DocumentId } from '../../domain/ids.ts';
import type { ChunkIndex } from '../../domain/ports/chunk-index.ts';
import type { Embedder } from '../../domain/ports/models.ts';
import type { Clock, Log } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import { CollectionEmbedders, type CollectionEmbeddersDeps } from './deployments/collection-embedders.ts';
import { MissingVectors } from './deployments/missing-vectors.ts';
import { describeError } from './error-info.ts';

export interface ChunkWriterDeps extends CollectionEmbeddersDeps {
  readonly chunks: ChunkIndex;
  readonly clock: Clock;
  readonly log: Log;
}
export interface WrittenVersion {
  readonly collectionId: CollectionId;
  readonly documentId: DocumentId;
  readonly version: number;
}

/** More equal texts than this, and the probe's own chunk need not be among them. */
const PROBE_LIMIT = 20;
/** A vector finds itself, and its equals, with a score of 1; an index of small numbers may lose a little. */
const SELF_SCORE_MIN = 0.98;

/** Embeds and stores chunks, and asks the index whether it finds them. */
export class ChunkWriter {
  readonly #deps: ChunkWriterDeps;
  readonly #embedders: CollectionEmbedders;
  readonly #missing: MissingVectors;

  constructor(deps: ChunkWriterDeps) {
    this.#deps = deps;
    this.#embedders = new CollectionEmbedders(deps);
    this.#missing = new MissingVectors(deps);
  }

  /** Idempotent; chunks of one collection, with the model that it is read by. */
  async write(scope: WorkspaceScope, batch: readonly Chunk[], signal: AbortSignal): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    const { primary } = await this.#embedders.of(scope, first.collectionId);
    const { indexed } = await this.#missing.embed(scope, primary, batch, signal);
    await this.#deps.chunks.upsert(scope, primary.model, indexed);
  }

  /**
   * Gives the version's chunks their vectors of every model that the collection is written with now: one that is being
   * built, one that a roll-back would go to, and the one that became active while the chunks were written. Called before
   * the version is published, and again after: a build that begins in between finds it published, or is found here.
   */
  async complete(scope: WorkspaceScope, version: WrittenVersion, signal: AbortSignal): Promise<void> {
    const { primary, others } = await this.#embedders.of(scope, version.collectionId);
    await this.#fill(scope, primary, version, signal);
    for (const deployment of others) await this.#fillOther(scope, deployment, version, signal);
  }

  /** True when a search finds the published chunk by its vector, which a batch that was stored must have. */
  async isFound(scope: WorkspaceScope, chunk: Chunk, by?: Embedder): Promise<boolean> {
    const { chunks } = this.#deps;
    const [stored] = await chunks.get(scope, [chunk.id]);
    if (stored === undefined) return false;
    const { model } = by ?? (await this.#embedders.of(scope, chunk.collectionId)).primary;
    const vectors = await chunks.findVectors(scope, model, [chunk.contentHash]);
    const vector = vectors.get(chunk.contentHash);
    // A text without any known token has no direction: only words find it.
    if (vector === undefined || vector.every((value) => value === 0)) return true;
    const selection = { collectionIds: [chunk.collectionId], filter: [] };
    const hits = await chunks.searchVector(scope, model, vector, selection, PROBE_LIMIT);
    if (hits.some(({ chunkId }) => chunkId === chunk.id)) return true;
    return hits.length === PROBE_LIMIT && hits.every(({ score }) => score >= SELF_SCORE_MIN);
  }

  async #fill(
    scope: WorkspaceScope,
    embedder: Embedder,
    { documentId, version }: WrittenVersion,
    signal: AbortSignal,
  ): Promise<void> {
    for await (const _ of this.#missing.fill(scope, embedder, { documentId, version }, signal)) {
      // The filling is the work.
    }
  }

  /** A model that nobody reads by must not stop a document: it is not whole then, and a worker catches it up. */
  async #fillOther(
    scope: WorkspaceScope,
    deployment: EmbeddingDeployment,
    version: WrittenVersion,
    signal: AbortSignal,
  ): Promise<void> {
    const { embedders, deployments, clock, log } = this.#deps;
    try {
      await this.#fill(scope, await embedders.get(deployment.embedder), version, signal);
    } catch (error) {
      signal.throwIfAborted();
      log.warn(
        { deploymentId: deployment.id, reason: describeError(error) },
        'a second model was not written',
      );
      await deployments.noteGap(scope, deployment.id, clock.now());
    }
  }
}
