import type { Chunk, Document, Passage } from '../../../domain/document.ts';
import type { ChunkId, DocumentId } from '../../../domain/ids.ts';
import type { ChunkIndex, ChunkSelection, ScoredChunk } from '../../../domain/ports/chunk-index.ts';
import type { DocumentRepository } from '../../../domain/ports/documents.ts';
import type { Fusion, Reranking, RetrievalMode, RetrievalStage } from '../../../domain/retrieval.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import { analyze } from '../../../domain/text-analyzer.ts';
import { withoutRepeats } from './diversity.ts';
import { type Candidate, type FusedCandidate, fuse, fuseRanks } from './fusion.ts';
import { type RerankingDeps, rerank, rerankingOf } from './reranking.ts';
import type { VectorHits, VectorLeg } from './vector-leg.ts';

const LEG_COUNT_MAX = 200;
/** Read together with the question, or compared with each other. */
const RERANKED_COUNT = 50;
const QUERY_LENGTH_MAX = 4_000;
const TERMS_MAX = 128;
/** Hydrated beyond the limit, so that a chunk dropped by the second check still leaves a full answer. */
const SPARE_COUNT = 8;

export interface RetrieverDeps extends RerankingDeps {
  readonly chunkIndex: ChunkIndex;
  readonly documents: Pick<DocumentRepository, 'findMany'>;
  readonly vectorLeg: VectorLeg;
}
export interface RetrievalQuery {
  readonly text: string;
  readonly selection: ChunkSelection;
  readonly limit: number;
  /** Default: HYBRID. */
  readonly mode?: RetrievalMode | undefined;
  /** Only the best passage of each document. */
  readonly onePerDocument?: boolean | undefined;
  /** Without passages that repeat a better one. */
  readonly distinct?: boolean | undefined;
  /** Default: MIN_MAX. */
  readonly fusion?: Fusion | undefined;
  /** Default: the cross-encoder, if one is configured. */
  readonly reranking?: Reranking | undefined;
  /** Told what each stage knew, in order. */
  readonly onStage?: ((stage: RetrievalStage) => void) | undefined;
}

/** Hybrid search: both legs at once, one fusion, and a second check of tenant and version on what comes back. */
export class Retriever {
  readonly #deps: RetrieverDeps;

  constructor(deps: RetrieverDeps) {
    this.#deps = deps;
  }

  /** Best first. Only chunks of existing documents of this workspace, in the version that readers see. */
  async retrieve(
    scope: WorkspaceScope,
    query: RetrievalQuery,
    signal: AbortSignal,
  ): Promise<readonly Passage[]> {
    const text = query.text.slice(0, QUERY_LENGTH_MAX).toWellFormed();
    const reranking = rerankingOf(query.reranking, this.#deps);
    const question = { text, selection: query.selection, limit: LEG_COUNT_MAX };
    const mode = query.mode ?? 'HYBRID';
    const [lexicalLeg, vectors] = await Promise.all([
      mode === 'VECTOR' ? NO_LEXICAL_LEG : this.#searchLexical(scope, text, query.selection),
      mode === 'LEXICAL' ? NO_VECTORS : this.#deps.vectorLeg.search(scope, question, signal),
    ]);
    signal.throwIfAborted();
    query.onStage?.({ name: 'LEXICAL', candidates: lexicalLeg.lexicalHits });
    query.onStage?.({ name: 'VECTOR', candidates: vectors.hits });
    const candidates = await this.#complete(scope, { ...lexicalLeg, vectors });
    const weight = WEIGHT_OF_ONE_LEG[mode] ?? vectors.weight;
    const fused = query.fusion === 'RRF' ? fuseRanks(candidates, weight) : fuse(candidates, weight);
    query.onStage?.({ name: 'FUSION', candidates: fused });
    if (reranking === 'NONE') return this.#read(scope, fused, query);
    const read = await this.#read(scope, fused, { ...query, limit: Math.max(query.limit, RERANKED_COUNT) });
    const [head, tail] = [read.slice(0, RERANKED_COUNT), read.slice(RERANKED_COUNT)];
    const reranked = await rerank(this.#deps, { question: text, reranking }, head, signal);
    query.onStage?.({
      name: 'RERANKING',
      candidates: reranked.map(({ chunk, score }) => ({ chunkId: chunk.id, score })),
    });
    return [...reranked, ...tail].slice(0, query.limit);
  }

  async #searchLexical(
    scope: WorkspaceScope,
    text: string,
    selection: ChunkSelection,
  ): Promise<Pick<Legs, 'terms' | 'lexicalHits'>> {
    const terms = [...new Set(analyze(text))].slice(0, TERMS_MAX);
    if (terms.length === 0) return NO_LEXICAL_LEG;
    const lexicalHits = await this.#deps.chunkIndex.searchLexical(scope, terms, selection, LEG_COUNT_MAX);
    return { terms, lexicalHits };
  }

  /** The candidates' texts as passages, until there are enough. */
  async #read(
    scope: WorkspaceScope,
    fused: readonly FusedCandidate[],
    query: RetrievalQuery,
  ): Promise<readonly Passage[]> {
    const { limit, onePerDocument = false, distinct = false, selection } = query;
    let passages: Passage[] = [];
    const seen = new Set<DocumentId>();
    for (let from = 0; from < fused.length && passages.length < limit; from += limit + SPARE_COUNT) {
      const batch = await this.#hydrate(scope, fused.slice(from, from + limit + SPARE_COUNT), selection);
      for (const passage of batch) {
        if (onePerDocument && seen.has(passage.chunk.documentId)) continue;
        seen.add(passage.chunk.documentId);
        passages.push(passage);
      }
      if (distinct) passages = withoutRepeats(passages);
    }
    return passages.slice(0, limit);
  }

  /** The union of both legs; what one leg left out is scored there by id. */
  async #complete(scope: WorkspaceScope, legs: Legs): Promise<Candidate[]> {
    const lexical = scoresById(legs.lexicalHits);
    const vector = scoresById(legs.vectors.hits);
    const { chunkIndex } = this.#deps;
    // A leg that is not full has named everything that scores there: what it missed is 0, and needs no question.
    const lexicalMisses = legs.lexicalHits.length < LEG_COUNT_MAX ? [] : missing(vector, lexical);
    const [lexicalRest, vectorRest] = await Promise.all([
      lexicalMisses.length === 0 ? [] : chunkIndex.scoreLexical(scope, legs.terms, lexicalMisses),
      legs.vectors.score(missing(lexical, vector)),
    ]);
    for (const { chunkId, score } of lexicalRest) lexical.set(chunkId, score);
    for (const { chunkId, score } of vectorRest) vector.set(chunkId, score);
    const ids = new Set([...lexical.keys(), ...vector.keys()]);
    return Array.from(ids, (chunkId) => ({
      chunkId,
      lexicalScore: lexical.get(chunkId) ?? 0,
      vectorScore: vector.get(chunkId) ?? 0,
    }));
  }

  async #hydrate(
    scope: WorkspaceScope,
    candidates: readonly FusedCandidate[],
    selection: ChunkSelection,
  ): Promise<Passage[]> {
    if (candidates.length === 0) return [];
    const chunks = await this.#deps.chunkIndex.get(
      scope,
      candidates.map((candidate) => candidate.chunkId),
    );
    const documentIds = [...new Set(chunks.map((chunk) => chunk.documentId))];
    const documents = await this.#deps.documents.findMany(scope, documentIds);
    const chunkById = new Map<ChunkId, Chunk>(chunks.map((chunk) => [chunk.id, chunk]));
    const documentById = new Map<DocumentId, Document>(documents.map((document) => [document.id, document]));
    return candidates.flatMap((candidate) => {
      const chunk = chunkById.get(candidate.chunkId);
      const document = chunk && documentById.get(chunk.documentId);
      if (!chunk || !document || !isReadable(scope, chunk, document, selection)) return [];
      const { score, lexicalScore, vectorScore } = candidate;
      return [{ chunk, documentTitle: document.title, score, lexicalScore, vectorScore }];
    });
  }
}

/** Where one leg is all there is, the embedder's share of two says nothing. */
const WEIGHT_OF_ONE_LEG: Partial<Record<RetrievalMode, number>> = { LEXICAL: 0, VECTOR: 1 };
const NO_LEXICAL_LEG = { terms: [], lexicalHits: [] };
const NO_VECTORS: VectorHits = { hits: [], weight: 0, score: async () => [] };

interface Legs {
  readonly terms: readonly string[];
  readonly lexicalHits: readonly ScoredChunk[];
  readonly vectors: VectorHits;
}

/** The second of two checks; the first is inside the index query. */
function isReadable(
  scope: WorkspaceScope,
  chunk: Chunk,
  document: Document,
  selection: ChunkSelection,
): boolean {
  return (
    document.workspaceId === scope.workspaceId &&
    isActive(chunk, document) &&
    document.collectionId === chunk.collectionId &&
    (selection.collectionIds === undefined || selection.collectionIds.includes(chunk.collectionId))
  );
}

/**
 * The index shows a version a moment before the row does. What it shows then is whole, and its predecessor is gone from
 * it: to wait for the row would hide the document meanwhile. Only a first version waits, until it is known to be good.
 */
function isActive(chunk: Chunk, document: Document): boolean {
  return document.activeVersion > 0 && chunk.documentVersion >= document.activeVersion;
}

function scoresById(hits: readonly ScoredChunk[]): Map<ChunkId, number> {
  return new Map(hits.map(({ chunkId, score }) => [chunkId, score]));
}

function missing(from: ReadonlyMap<ChunkId, number>, known: ReadonlyMap<ChunkId, number>): ChunkId[] {
  return [...from.keys()].filter((chunkId) => !known.has(chunkId));
}
