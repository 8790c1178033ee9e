import type { DatabaseSync } from 'node:sqlite';
import { inverseDocumentFrequency, termScore } from '../../../domain/bm25.ts';
import { type ChunkId, trustedId, type WorkspaceId } from '../../../domain/ids.ts';
import type { ChunkSelection, EmbeddingModelRef, ScoredChunk } from '../../../domain/ports/chunk-index.ts';
import { ChunkCatalog, type WorkspaceRow } from './chunk-catalog.ts';
import { forEachPosting, POSTING_BYTES, unpackVector } from './packed-values.ts';
import { decodeTerms } from './published-statistics.ts';
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
const CANDIDATES_FACTOR = 2;
const CANDIDATES_EXTRA = 64;

const WORKSPACE = 'SELECT key, change, chunk_count, term_count FROM workspace WHERE workspace_id = ?';
const MODEL = 'SELECT key FROM model WHERE model_id = ? AND dimensions = ?';
const POSTINGS = 'SELECT entries FROM posting WHERE workspace_key = ? AND term = ?';
const POSTING_BYTES_OF_TERM = `SELECT coalesce(sum(length(entries)), 0) AS bytes FROM posting
  WHERE workspace_key = ? AND term = ?`;
const VECTOR = 'SELECT vector FROM vector WHERE chunk_key = ? AND model_key = ?';
const PUBLISHED = `FROM chunk JOIN document ON document.key = chunk.document_key
  AND document.active_version = chunk.version WHERE chunk.workspace_key = ? AND chunk.chunk_id = ?`;
const TERMS_OF_CHUNK = `SELECT chunk.term_count, chunk.terms ${PUBLISHED}`;
const KEY_OF_CHUNK = `SELECT chunk.key ${PUBLISHED}`;

/** Scores of published chunks. Every call sees one state of the file, statistics included. */
export class ChunkSearcher {
  readonly #statements: Statements;
  /** A Map keeps insertion order: the first is the one unused for longest. */
  readonly #catalogs = new Map<number, ChunkCatalog>();

  constructor(database: DatabaseSync) {
    this.#statements = new Statements(database);
  }

  searchLexical({ workspaceId, terms, selection, limit }: LexicalQuery & Selected): ScoredChunk[] {
    const workspace = this.#workspace(workspaceId);
    if (workspace === undefined) return [];
    const catalog = this.#catalog(workspace);
    const scores = this.#scoreTerms(workspace, catalog, terms);
    const accepts = catalog.selector(selection);
    const top = new TopScores(limit);
    for (const [slot, score] of scores) if (score > top.threshold && accepts(slot)) top.offer(slot, score);
    return ranked(
      top
        .items()
        .map((slot) => ({ chunkId: chunkId(catalog.chunkIdOf(slot)), score: scores.get(slot) ?? 0 })),
      limit,
    );
  }

  scoreLexical({ workspaceId, terms, chunkIds }: LexicalQuery & Given): ScoredChunk[] {
    const workspace = this.#workspace(workspaceId);
    if (workspace === undefined) return [];
    const weights = [...new Set(terms)].map((term) => {
      const { bytes } = this.#statements.get(POSTING_BYTES_OF_TERM, workspace.key, term) ?? {};
      const frequency = Number(bytes) / POSTING_BYTES;
      return { term, idf: inverseDocumentFrequency(workspace.chunkCount, frequency) };
    });
    const averageLength = workspace.termCount / workspace.chunkCount;
    return [...new Set(chunkIds)].flatMap((id) => {
      const row = this.#statements.get(TERMS_OF_CHUNK, workspace.key, id);
      if (row === undefined) return [];
      const { term_count: length, terms: text } = row;
      const counts = decodeTerms(String(text));
      let score = 0;
      for (const { term, idf } of weights) {
        score += termScore(idf, counts.get(term) ?? 0, Number(length), averageLength);
      }
      return { chunkId: id, score };
    });
  }

  searchVector({ workspaceId, model, vector, selection, limit }: VectorQuery & Selected): ScoredChunk[] {
    const workspace = this.#workspace(workspaceId);
    const modelKey = this.#modelKey(model);
    if (workspace === undefined || modelKey === undefined) return [];
    const catalog = this.#catalog(workspace);
    const slab = catalog.slab(modelKey, model.dimensions);
    this.#forgetOthers(catalog);
    const count = limit * CANDIDATES_FACTOR + CANDIDATES_EXTRA;
    const candidates = slab.scan(vector, catalog.size, count, catalog.selector(selection));
    const scored = candidates.map((slot) => ({
      chunkId: chunkId(catalog.chunkIdOf(slot)),
      score: this.#exact(catalog.keyOf(slot), modelKey, vector) ?? 0,
    }));
    return ranked(scored, limit);
  }

  scoreVector({ workspaceId, model, vector, chunkIds }: VectorQuery & Given): ScoredChunk[] {
    const workspace = this.#workspace(workspaceId);
    const modelKey = this.#modelKey(model);
    if (workspace === undefined || modelKey === undefined) return [];
    return [...new Set(chunkIds)].flatMap((id) => {
      const row = this.#statements.get(KEY_OF_CHUNK, workspace.key, id);
      if (row === undefined) return [];
      const { key } = row;
      const score = this.#exact(Number(key), modelKey, vector);
      return score === undefined ? [] : { chunkId: id, score };
    });
  }

  /** By slot; only chunks that contain any of the terms. */
  #scoreTerms(workspace: WorkspaceRow, catalog: ChunkCatalog, terms: readonly string[]): Map<number, number> {
    const averageLength = workspace.termCount / workspace.chunkCount;
    const scores = new Map<number, number>();
    for (const term of new Set(terms)) {
      const lists = this.#statements.all(POSTINGS, workspace.key, term).map(({ entries }) => entries);
      let frequency = 0;
      for (const list of lists) frequency += list instanceof Uint8Array ? list.byteLength / POSTING_BYTES : 0;
      const idf = inverseDocumentFrequency(workspace.chunkCount, frequency);
      for (const list of lists) {
        forEachPosting(list, (chunkKey, count, length) => {
          const slot = catalog.slotOf(chunkKey);
          if (slot === undefined) return;
          scores.set(slot, (scores.get(slot) ?? 0) + termScore(idf, count, length, averageLength));
        });
      }
    }
    return scores;
  }

  #exact(chunkKey: number, modelKey: number, vector: Float32Array): number | undefined {
    const row = this.#statements.get(VECTOR, chunkKey, modelKey);
    if (row === undefined) return undefined;
    const { vector: stored } = row;
    return exactScore(unpackVector(stored), vector);
  }

  #workspace(workspaceId: WorkspaceId): WorkspaceRow | undefined {
    const row = this.#statements.get(WORKSPACE, workspaceId);
    if (row === undefined) return undefined;
    const { key, change, chunk_count: chunkCount, term_count: termCount } = row;
    return {
      key: Number(key),
      change: Number(change),
      chunkCount: Number(chunkCount),
      termCount: Number(termCount),
    };
  }

  #modelKey({ modelId, dimensions }: EmbeddingModelRef): number | undefined {
    const row = this.#statements.get(MODEL, modelId, dimensions);
    if (row === undefined) return undefined;
    const { key } = row;
    return Number(key);
  }

  #catalog(workspace: WorkspaceRow): ChunkCatalog {
    const catalog = this.#catalogs.get(workspace.key) ?? new ChunkCatalog(this.#statements, workspace.key);
    this.#catalogs.delete(workspace.key);
    this.#catalogs.set(workspace.key, catalog);
    try {
      catalog.catchUp(workspace);
    } catch (error) {
      // Half caught up is wrong: the next search begins anew.
      this.#catalogs.delete(workspace.key);
      throw error;
    }
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

/** Best first; equal scores in the order of their ids, so that a search repeats itself. */
function ranked(scored: ScoredChunk[], limit: number): ScoredChunk[] {
  scored.sort((left, right) => right.score - left.score || (left.chunkId < right.chunkId ? -1 : 1));
  return scored.slice(0, limit);
}

function chunkId(text: string): ChunkId {
  return trustedId('chk', text);
}
