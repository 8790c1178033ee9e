import type { DatabaseSync } from 'node:sqlite';
import { inverseDocumentFrequency, termScore } from '../../../domain/bm25.ts';
import { type ChunkId, trustedId, type WorkspaceId } from '../../../domain/ids.ts';
import type { ChunkSelection, EmbeddingModelRef, ScoredChunk } from '../../../domain/ports/chunk-index.ts';
import { ChunkCatalog } from './chunk-catalog.ts';
import { unpackVector } from './packed-values.ts';
import { Statements } from './statements.ts';
import { TopScores } from './top-scores.ts';
import { exactScore } from './vector-slab.ts';

export interface LexicalQuery {
  readonly workspaceId: WorkspaceId;
  readonly terms: readonly string[];
}
export interface VectorQuery {
  readonly workspaceId: WorkspaceId;
  readonly model: EmbeddingModelRef;
  readonly vector: Float32Array;
}
export interface Selected {
  readonly selection: ChunkSelection;
  readonly limit: number;
}
export interface Given {
  readonly chunkIds: readonly ChunkId[];
}

/** Of all workspaces' catalogs; the least recently searched leave first. */
const CATALOG_BYTES_MAX = 256 * 1_024 * 1_024;
/** How many more than asked for are scored exactly after the approximate scan. */
const CANDIDATES_FACTOR = 1.25;
const CANDIDATES_EXTRA = 32;

const WORKSPACE = 'SELECT key, change, chunk_count, term_count FROM workspace WHERE workspace_id = ?';
const MODEL = 'SELECT key FROM model WHERE model_id = ? AND dimensions = ?';
const TERM = 'SELECT key FROM term WHERE term = ?';
const VECTOR = 'SELECT vector FROM vector WHERE chunk_key = ? AND model_key = ?';
const KEY_OF_CHUNK = 'SELECT key FROM chunk WHERE workspace_key = ? AND chunk_id = ?';

interface WorkspaceRow {
  readonly key: number;
  readonly change: number;
  readonly chunkCount: number;
  readonly averageLength: number;
}
/** A workspace as the running transaction sees it. */
interface Corpus {
  readonly workspace: WorkspaceRow;
  readonly catalog: ChunkCatalog;
}

/** Scores of published chunks. Every call sees one state of the file, statistics included. */
export class ChunkSearcher {
  readonly #statements: Statements;
  /** A Map keeps insertion order: the first is the one unused for longest. */
  readonly #catalogs = new Map<number, ChunkCatalog>();

  constructor(database: DatabaseSync) {
    this.#statements = new Statements(database);
  }

  searchLexical({ workspaceId, terms, selection, limit }: LexicalQuery & Selected): ScoredChunk[] {
    const corpus = this.#corpus(workspaceId);
    if (corpus === undefined) return [];
    const scores = scoreTerms(corpus, this.#termKeys(terms));
    const accepts = corpus.catalog.selector(selection);
    const top = new TopScores(limit);
    for (let slot = 0; slot < scores.length; slot += 1) {
      const score = scores[slot] as number;
      if (score > 0 && score > top.threshold && accepts(slot)) top.offer(slot, score);
    }
    return ranked(
      top.items().map((slot) => ({ chunkId: idOf(corpus, slot), score: scores[slot] ?? 0 })),
      limit,
    );
  }

  scoreLexical({ workspaceId, terms, chunkIds }: LexicalQuery & Given): ScoredChunk[] {
    const corpus = this.#corpus(workspaceId);
    if (corpus === undefined) return [];
    const { workspace, catalog } = corpus;
    const weights = this.#termKeys(terms).map((key) => ({ key, idf: idfOf(corpus, key) }));
    return this.#published(corpus, chunkIds).map(({ chunkId, slot, entry }) => {
      let score = 0;
      for (const { key, idf } of weights) {
        score += termScore(idf, catalog.terms.frequency(key, slot), entry.length, workspace.averageLength);
      }
      return { chunkId, score };
    });
  }

  searchVector({ workspaceId, model, vector, selection, limit }: VectorQuery & Selected): ScoredChunk[] {
    const corpus = this.#corpus(workspaceId);
    const modelKey = this.#modelKey(model);
    if (corpus === undefined || modelKey === undefined) return [];
    const { catalog } = corpus;
    const slab = catalog.slab(modelKey, model.dimensions);
    this.#forgetOthers(catalog);
    const count = Math.ceil(limit * CANDIDATES_FACTOR) + CANDIDATES_EXTRA;
    const candidates = slab.scan(vector, catalog.size, count, catalog.selector(selection));
    const scored = candidates.map((slot) => ({
      chunkId: idOf(corpus, slot),
      score: this.#exact(catalog.entry(slot)?.chunkKey ?? 0, modelKey, vector) ?? 0,
    }));
    return ranked(scored, limit);
  }

  scoreVector({ workspaceId, model, vector, chunkIds }: VectorQuery & Given): ScoredChunk[] {
    const corpus = this.#corpus(workspaceId);
    const modelKey = this.#modelKey(model);
    if (corpus === undefined || modelKey === undefined) return [];
    return this.#published(corpus, chunkIds).flatMap(({ chunkId, entry }) => {
      const score = this.#exact(entry.chunkKey, modelKey, vector);
      return score === undefined ? [] : { chunkId, score };
    });
  }

  /** Of the distinct terms; one that no document ever had is left out. */
  #termKeys(terms: readonly string[]): number[] {
    return [...new Set(terms)].flatMap((term) => {
      const { key } = this.#statements.get(TERM, term) ?? {};
      return key === undefined ? [] : Number(key);
    });
  }

  /** Those of the given chunks that are published in this workspace, each once. */
  #published({ workspace, catalog }: Corpus, chunkIds: readonly ChunkId[]) {
    return [...new Set(chunkIds)].flatMap((chunkId) => {
      const { key } = this.#statements.get(KEY_OF_CHUNK, workspace.key, chunkId) ?? {};
      const slot = key === undefined ? undefined : catalog.slotOf(Number(key));
      const entry = slot === undefined ? undefined : catalog.entry(slot);
      return slot === undefined || entry === undefined ? [] : { chunkId, slot, entry };
    });
  }

  #exact(chunkKey: number, modelKey: number, vector: Float32Array): number | undefined {
    const row = this.#statements.get(VECTOR, chunkKey, modelKey);
    if (row === undefined) return undefined;
    const { vector: stored } = row;
    return exactScore(unpackVector(stored), vector);
  }

  #corpus(workspaceId: WorkspaceId): Corpus | undefined {
    const row = this.#statements.get(WORKSPACE, workspaceId);
    if (row === undefined) return undefined;
    const { key, change, chunk_count: chunkCount, term_count: termCount } = row;
    const workspace = {
      key: Number(key),
      change: Number(change),
      chunkCount: Number(chunkCount),
      averageLength: Number(termCount) / Number(chunkCount),
    };
    return { workspace, catalog: this.#catalog(workspace) };
  }

  #modelKey({ modelId, dimensions }: EmbeddingModelRef): number | undefined {
    const row = this.#statements.get(MODEL, modelId, dimensions);
    if (row === undefined) return undefined;
    const { key } = row;
    return Number(key);
  }

  #catalog({ key, change }: WorkspaceRow): ChunkCatalog {
    const known = this.#catalogs.get(key);
    // Out of the map while it changes: half caught up it would be wrong.
    this.#catalogs.delete(key);
    let catalog = known ?? new ChunkCatalog(this.#statements, key);
    catalog.catchUp(change);
    if (catalog.isMostlyDead) {
      catalog = new ChunkCatalog(this.#statements, key);
      catalog.catchUp(change);
    }
    this.#catalogs.set(key, catalog);
    this.#forgetOthers(catalog);
    return catalog;
  }

  #forgetOthers(wanted: ChunkCatalog): void {
    let bytes = 0;
    for (const catalog of this.#catalogs.values()) bytes += catalog.byteLength;
    for (const [key, catalog] of this.#catalogs) {
      if (bytes <= CATALOG_BYTES_MAX) return;
      if (catalog === wanted) continue;
      bytes -= catalog.byteLength;
      this.#catalogs.delete(key);
    }
  }
}

/** By slot; 0 where no term occurs or the slot is dead. */
function scoreTerms(corpus: Corpus, termKeys: readonly number[]): Float64Array {
  const { workspace, catalog } = corpus;
  const scores = new Float64Array(catalog.size);
  for (const key of termKeys) {
    const idf = idfOf(corpus, key);
    catalog.terms.forEach(key, (slot, frequency) => {
      const entry = catalog.entry(slot);
      if (entry === undefined) return;
      scores[slot] =
        (scores[slot] as number) + termScore(idf, frequency, entry.length, workspace.averageLength);
    });
  }
  return scores;
}

function idfOf({ workspace, catalog }: Corpus, termKey: number): number {
  let chunkFrequency = 0;
  catalog.terms.forEach(termKey, (slot) => {
    if (catalog.entry(slot) !== undefined) chunkFrequency += 1;
  });
  return inverseDocumentFrequency(workspace.chunkCount, chunkFrequency);
}

/** Best first; equal scores in the order of their ids, so that a search repeats itself. */
function ranked(scored: ScoredChunk[], limit: number): ScoredChunk[] {
  scored.sort((left, right) => right.score - left.score || (left.chunkId < right.chunkId ? -1 : 1));
  return scored.slice(0, limit);
}

function idOf({ catalog }: Corpus, slot: number): ChunkId {
  return trustedId('chk', catalog.entry(slot)?.chunkId ?? '');
}
