import { bm25, countTerms, type LexicalChunk, type LexicalCorpus } from '../../domain/bm25.ts';
import { type Chunk, indexedText } from '../../domain/document.ts';
import type { ChunkId, CollectionId, DocumentId } from '../../domain/ids.ts';
import { matchesFilter } from '../../domain/metadata-filter.ts';
import type {
  ChunkIndex,
  ChunkSelection,
  ChunkVector,
  EmbeddedCounts,
  EmbeddingModelRef,
  IndexedChunk,
  ScoredChunk,
  TokenStatistics,
  UnembeddedRequest,
} from '../../domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import { analyze } from '../../domain/text-analyzer.ts';

interface Embedding {
  readonly vector: Float32Array;
  readonly tokenIds: ReadonlySet<number>;
}
interface Entry {
  readonly chunk: Chunk;
  readonly lexical: LexicalChunk;
  /** By model: a chunk may carry a vector of each of several. */
  readonly embeddings: Map<string, Embedding>;
}
interface WorkspaceIndex {
  readonly entries: Map<ChunkId, Entry>;
  /** The version readers see, by document. */
  readonly publishedVersions: Map<DocumentId, number>;
}

/** Every query is a scan: what the other indexes must agree with, not what they must be as slow as. */
export class MemoryChunkIndex implements ChunkIndex {
  readonly #workspaces = new Map<string, WorkspaceIndex>();

  async upsert(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    chunks: readonly IndexedChunk[],
  ): Promise<void> {
    const { entries } = this.#open(scope);
    for (const { vector, tokenIds, ...chunk } of chunks) {
      const embeddings = entries.get(chunk.id)?.embeddings ?? new Map<string, Embedding>();
      const embedding = { vector: Float32Array.from(vector), tokenIds: new Set(tokenIds) };
      embeddings.set(keyOf(model), embedding);
      entries.set(chunk.id, { chunk, lexical: toLexical(chunk), embeddings });
    }
  }

  async publish(scope: WorkspaceScope, documentId: DocumentId, version: number): Promise<void> {
    const { entries, publishedVersions } = this.#open(scope);
    if (version < (publishedVersions.get(documentId) ?? 0)) return;
    publishedVersions.set(documentId, version);
    for (const [id, { chunk }] of entries) {
      if (chunk.documentId === documentId && chunk.documentVersion < version) entries.delete(id);
    }
  }

  async remove(scope: WorkspaceScope, documentId: DocumentId, version?: number): Promise<void> {
    const { entries, publishedVersions } = this.#open(scope);
    for (const [id, { chunk }] of entries) {
      const isMeant = version === undefined || chunk.documentVersion === version;
      if (chunk.documentId === documentId && isMeant) entries.delete(id);
    }
    const published = publishedVersions.get(documentId);
    if (version === undefined || version === published) publishedVersions.delete(documentId);
  }

  async findVectors(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    contentHashes: readonly string[],
  ): Promise<ReadonlyMap<string, Float32Array>> {
    const wanted = new Set(contentHashes);
    const vectors = new Map<string, Float32Array>();
    for (const { chunk, embeddings } of this.#open(scope).entries.values()) {
      const vector = embeddings.get(keyOf(model))?.vector;
      if (vector !== undefined && wanted.has(chunk.contentHash))
        vectors.set(chunk.contentHash, vector.slice());
    }
    return vectors;
  }

  async searchLexical(
    scope: WorkspaceScope,
    terms: readonly string[],
    selection: ChunkSelection,
    limit: number,
  ): Promise<readonly ScoredChunk[]> {
    const published = this.#published(scope);
    const corpus = toCorpus(published);
    const selected = published.filter(({ chunk }) => isSelected(chunk, selection));
    const scored = selected.map(({ chunk, lexical }) => ({
      chunkId: chunk.id,
      score: bm25(terms, lexical, corpus),
    }));
    return best(
      scored.filter(({ score }) => score > 0),
      limit,
    );
  }

  async searchVector(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    vector: Float32Array,
    selection: ChunkSelection,
    limit: number,
  ): Promise<readonly ScoredChunk[]> {
    const selected = this.#published(scope).filter(({ chunk }) => isSelected(chunk, selection));
    return best(scoreVectors(selected, model, vector), limit);
  }

  async scoreLexical(
    scope: WorkspaceScope,
    terms: readonly string[],
    chunkIds: readonly ChunkId[],
  ): Promise<readonly ScoredChunk[]> {
    const corpus = toCorpus(this.#published(scope));
    return this.#pick(scope, chunkIds).map(({ chunk, lexical }) => ({
      chunkId: chunk.id,
      score: bm25(terms, lexical, corpus),
    }));
  }

  async scoreVector(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    vector: Float32Array,
    chunkIds: readonly ChunkId[],
  ): Promise<readonly ScoredChunk[]> {
    return scoreVectors(this.#pick(scope, chunkIds), model, vector);
  }

  async get(scope: WorkspaceScope, chunkIds: readonly ChunkId[]): Promise<readonly Chunk[]> {
    return this.#pick(scope, chunkIds).map(({ chunk }) => chunk);
  }

  async listVersion(
    scope: WorkspaceScope,
    documentId: DocumentId,
    version: number,
  ): Promise<readonly Chunk[]> {
    const chunks = [...this.#open(scope).entries.values()].map(({ chunk }) => chunk);
    return chunks
      .filter((chunk) => chunk.documentId === documentId && chunk.documentVersion === version)
      .sort((left, right) => left.ordinal - right.ordinal);
  }

  async tokenStatistics(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    tokenIds: readonly number[],
  ): Promise<TokenStatistics> {
    const embedded = this.#published(scope).flatMap(({ embeddings }) => embeddings.get(keyOf(model)) ?? []);
    const chunkFrequencies = tokenIds.map((id) => embedded.filter((one) => one.tokenIds.has(id)).length);
    return { chunkCount: embedded.length, chunkFrequencies };
  }

  async prepareModel(): Promise<void> {}

  async putVectors(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    vectors: readonly ChunkVector[],
  ): Promise<void> {
    const { entries } = this.#open(scope);
    for (const { chunkId, contentHash, vector, tokenIds } of vectors) {
      const entry = entries.get(chunkId);
      if (entry?.chunk.contentHash !== contentHash) continue;
      entry.embeddings.set(keyOf(model), { vector: vector.slice(), tokenIds: new Set(tokenIds) });
    }
  }

  async listUnembedded(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    { of, after = '' as ChunkId, limit }: UnembeddedRequest,
  ): Promise<readonly Chunk[]> {
    const entries = 'version' in of ? [...this.#open(scope).entries.values()] : this.#published(scope);
    return entries
      .filter(({ embeddings }) => !embeddings.has(keyOf(model)))
      .map(({ chunk }) => chunk)
      .filter((chunk) => isOf(chunk, of) && chunk.id > after)
      .sort((left, right) => (left.id < right.id ? -1 : 1))
      .slice(0, limit);
  }

  async countEmbedded(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    collectionId: CollectionId,
  ): Promise<EmbeddedCounts> {
    const entries = this.#published(scope).filter(({ chunk }) => chunk.collectionId === collectionId);
    const embedded = entries.filter(({ embeddings }) => embeddings.has(keyOf(model)));
    return { chunkCount: entries.length, embeddedCount: embedded.length };
  }

  async dropModel(
    scope: WorkspaceScope,
    model: EmbeddingModelRef,
    collectionId: CollectionId,
  ): Promise<void> {
    for (const { chunk, embeddings } of this.#open(scope).entries.values()) {
      if (chunk.collectionId === collectionId) embeddings.delete(keyOf(model));
    }
  }

  #open({ workspaceId }: WorkspaceScope): WorkspaceIndex {
    const index = this.#workspaces.get(workspaceId) ?? { entries: new Map(), publishedVersions: new Map() };
    this.#workspaces.set(workspaceId, index);
    return index;
  }

  #published(scope: WorkspaceScope): readonly Entry[] {
    const { entries, publishedVersions } = this.#open(scope);
    return [...entries.values()].filter(
      ({ chunk }) => publishedVersions.get(chunk.documentId) === chunk.documentVersion,
    );
  }

  #pick(scope: WorkspaceScope, chunkIds: readonly ChunkId[]): readonly Entry[] {
    const wanted = new Set(chunkIds);
    return this.#published(scope).filter(({ chunk }) => wanted.has(chunk.id));
  }
}

function keyOf({ modelId, dimensions }: EmbeddingModelRef): string {
  return `${dimensions} ${modelId}`;
}

function isOf(chunk: Chunk, of: UnembeddedRequest['of']): boolean {
  if ('collectionId' in of) return chunk.collectionId === of.collectionId;
  return chunk.documentId === of.documentId && chunk.documentVersion === of.version;
}

function toLexical({ headingPath, text }: Chunk): LexicalChunk {
  const terms = analyze(indexedText(headingPath, text));
  const counts = countTerms(terms);
  return { length: terms.length, termFrequency: (term) => counts.get(term) ?? 0 };
}

/** Over the whole workspace, whatever was selected: a filter narrows a search and does not change its scores. */
function toCorpus(published: readonly Entry[]): LexicalCorpus {
  const termCount = published.reduce((sum, { lexical }) => sum + lexical.length, 0);
  return {
    chunkCount: published.length,
    averageLength: termCount / published.length,
    chunkFrequency: (term) => published.filter(({ lexical }) => lexical.termFrequency(term) > 0).length,
  };
}

function isSelected(chunk: Chunk, { collectionIds, filter }: ChunkSelection): boolean {
  if (collectionIds !== undefined && !collectionIds.includes(chunk.collectionId)) return false;
  return matchesFilter(chunk.metadata, filter);
}

function scoreVectors(
  entries: readonly Entry[],
  model: EmbeddingModelRef,
  vector: Float32Array,
): ScoredChunk[] {
  return entries.flatMap(({ chunk, embeddings }) => {
    const embedding = embeddings.get(keyOf(model));
    return embedding === undefined ? [] : { chunkId: chunk.id, score: dotProduct(embedding.vector, vector) };
  });
}

function dotProduct(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
}

function best(scored: readonly ScoredChunk[], limit: number): readonly ScoredChunk[] {
  return [...scored].sort((left, right) => right.score - left.score).slice(0, limit);
}
