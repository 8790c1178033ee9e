import { bm25, countTerms, inverseDocumentFrequency, type LexicalCorpus } from '../../domain/bm25.ts';
import type { ChunkId } from '../../domain/ids.ts';
import type { ChunkSelection, ScoredChunk } from '../../domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { ChunkFrequencies } from './chunk-frequencies.ts';
import { rowId } from './chunk-rows.ts';
import type { LexicalCandidate, LexicalCandidates } from './lexical-candidates.ts';
import type { MongoConnection } from './mongo-connection.ts';
import type { MongoModels } from './mongo-models.ts';
import { resolveRanges } from './range-resolver.ts';
import { ranked } from './ranked.ts';
import { type CompiledSelection, compileSelection } from './selection.ts';
import type { WorkspaceView } from './workspace-states.ts';

/** Taken from `$search` before our scores decide: its ranking is ours but for whose statistics it uses. */
const SEARCH_CANDIDATES_MIN = 1_000;
const SEARCH_CANDIDATES_MAX = 10_000;
const SEARCH_CANDIDATES_PER_RESULT = 5;
/** Chunks first asked of the term index; doubled while what was left out could still matter. */
const TERM_CANDIDATES_MIN = 1_000;

export interface LexicalSearchDeps {
  readonly connection: MongoConnection;
  readonly models: MongoModels;
  readonly candidates: LexicalCandidates;
  readonly frequencies: ChunkFrequencies;
  /** The server has `$search`. */
  readonly hasSearch: boolean;
}

/**
 * BM25 of the domain, whoever finds the candidates: `$search` where the server has it, else the index over the terms of
 * each chunk. Both store and ask the terms of `domain/text-analyzer.ts`.
 */
export class LexicalSearch {
  readonly #deps: LexicalSearchDeps;

  constructor(deps: LexicalSearchDeps) {
    this.#deps = deps;
  }

  async search(
    scope: WorkspaceScope,
    view: WorkspaceView,
    query: LexicalQuery,
  ): Promise<readonly ScoredChunk[]> {
    const compiled = compileSelection(scope, query.selection, view.hiddenEditions);
    if (compiled === undefined || query.limit < 1) return [];
    const terms = await this.#weigh(scope, view, query.terms);
    const occurring = terms.filter(({ chunkFrequency }) => chunkFrequency > 0);
    if (occurring.length === 0) return [];
    if (this.#deps.hasSearch) return this.#bySearch(view, compiled, { terms: occurring, limit: query.limit });
    return this.#byTerms(view, compiled, { terms: occurring, limit: query.limit });
  }

  async score(
    scope: WorkspaceScope,
    view: WorkspaceView,
    query: { readonly terms: readonly string[]; readonly chunkIds: readonly ChunkId[] },
  ): Promise<readonly ScoredChunk[]> {
    const compiled = compileSelection(scope, { filter: [] }, view.hiddenEditions);
    if (compiled === undefined || query.chunkIds.length === 0) return [];
    const terms = await this.#weigh(scope, view, query.terms);
    const ids = [...new Set(query.chunkIds)].map((id) => rowId(scope.workspaceId, id));
    const found = await this.#deps.candidates.byId(compiled.clauses, namesOf(terms), ids);
    return ranked(scoreAll(view, terms, found), ids.length);
  }

  async #bySearch(
    view: WorkspaceView,
    compiled: CompiledSelection,
    query: WeighedQuery,
  ): Promise<readonly ScoredChunk[]> {
    const { connection, models, candidates } = this.#deps;
    const clauses = await resolveRanges(connection, models, compiled);
    if (clauses.some((clause) => 'in' in clause && clause.in.length === 0)) return [];
    const wanted = Math.max(SEARCH_CANDIDATES_MIN, query.limit * SEARCH_CANDIDATES_PER_RESULT);
    const found = await candidates.bySearch(
      clauses,
      namesOf(query.terms),
      Math.min(wanted, SEARCH_CANDIDATES_MAX),
    );
    return ranked(scoreAll(view, query.terms, found), query.limit);
  }

  /**
   * Rare terms first. A chunk that has only terms not asked yet scores less than the sum of their idf: as soon as the
   * limit is filled above that, the common words (which most chunks have) need not be looked up at all.
   */
  async #byTerms(
    view: WorkspaceView,
    compiled: CompiledSelection,
    query: WeighedQuery,
  ): Promise<readonly ScoredChunk[]> {
    const terms = query.terms.toSorted((left, right) => left.chunkFrequency - right.chunkFrequency);
    let scored: readonly ScoredChunk[] = [];
    let budget = Math.max(TERM_CANDIDATES_MIN, query.limit);
    for (let asked = 0; asked < terms.length; budget *= 2) {
      const next = reachOf(terms, asked, budget);
      const found = await this.#deps.candidates.byTerms(compiled, namesOf(terms), {
        added: namesOf(terms.slice(asked, next)),
        known: namesOf(terms.slice(0, asked)),
      });
      asked = next;
      // In the order asked: a sum of the same shares in another order differs in its last digit.
      scored = ranked([...scored, ...scoreAll(view, query.terms, found)], query.limit);
      const atMost = terms.slice(asked).reduce((sum, { idf }) => sum + idf, 0);
      if (scored.length === query.limit && (scored.at(-1)?.score ?? 0) >= atMost) break;
    }
    return scored;
  }

  async #weigh(
    { workspaceId }: WorkspaceScope,
    view: WorkspaceView,
    terms: readonly string[],
  ): Promise<readonly WeighedTerm[]> {
    const distinct = [...new Set(terms)];
    const counts = await this.#deps.frequencies.count(workspaceId, view, 'terms', distinct);
    return distinct.map((term, index) => {
      const chunkFrequency = counts[index] ?? 0;
      return { term, chunkFrequency, idf: inverseDocumentFrequency(view.chunkCount, chunkFrequency) };
    });
  }
}

export interface LexicalQuery {
  readonly terms: readonly string[];
  readonly selection: ChunkSelection;
  readonly limit: number;
}
interface WeighedTerm {
  readonly term: string;
  readonly chunkFrequency: number;
  readonly idf: number;
}
interface WeighedQuery {
  readonly terms: readonly WeighedTerm[];
  readonly limit: number;
}

/** As many terms more as occur in `budget` chunks together; one at least. */
function reachOf(terms: readonly WeighedTerm[], asked: number, budget: number): number {
  let next = asked;
  let sum = 0;
  while (next < terms.length && (next === asked || sum + (terms[next]?.chunkFrequency ?? 0) <= budget)) {
    sum += terms[next]?.chunkFrequency ?? 0;
    next += 1;
  }
  return next;
}

function scoreAll(
  { chunkCount, termCount }: WorkspaceView,
  terms: readonly WeighedTerm[],
  candidates: readonly LexicalCandidate[],
): ScoredChunk[] {
  const frequencies = new Map(terms.map(({ term, chunkFrequency }) => [term, chunkFrequency]));
  const corpus: LexicalCorpus = {
    chunkCount,
    averageLength: termCount / chunkCount,
    chunkFrequency: (term) => frequencies.get(term) ?? 0,
  };
  const names = namesOf(terms);
  return candidates.map(({ chunkId, termCount: length, hits }) => {
    const counts = countTerms(hits);
    const chunk = { length, termFrequency: (term: string) => counts.get(term) ?? 0 };
    return { chunkId, score: bm25(names, chunk, corpus) };
  });
}

function namesOf(terms: readonly WeighedTerm[]): readonly string[] {
  return terms.map(({ term }) => term);
}
