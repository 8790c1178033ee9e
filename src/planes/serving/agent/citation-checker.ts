import type { Citation } from '../../../domain/citation.ts';
import type { Chunk, Passage } from '../../../domain/document.ts';
import type { ChunkIndex } from '../../../domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../../domain/scope.ts';
import type { AnswerSink } from './answer-sink.ts';
import type { Quote } from './quote.ts';

/** A citation before it is checked and numbered. */
export interface CitationCandidate extends Quote {
  readonly passage: Passage;
  readonly answerStart: number;
  readonly answerEnd: number;
}
export interface CitationCounts {
  readonly shown: number;
  /** Not equal to the stored text (any more), or not to be checked at all. */
  readonly dropped: number;
}

/**
 * Emits citations, each only after its quote was compared with what the index holds now; numbers are dense in order of
 * appearance. Checks run while the answer goes on; candidates that came meanwhile share the next question to the index.
 */
export class CitationChecker {
  readonly #chunkIndex: Pick<ChunkIndex, 'get'>;
  readonly #scope: WorkspaceScope;
  readonly #sink: Pick<AnswerSink, 'event'>;
  readonly #seen = new Set<string>();
  #waiting: CitationCandidate[] = [];
  #checking: Promise<void> | undefined;
  #shown: number;
  #dropped = 0;

  /** `shown`: citations of earlier attempts; they are not repeated. */
  constructor(options: {
    readonly chunkIndex: Pick<ChunkIndex, 'get'>;
    readonly scope: WorkspaceScope;
    readonly sink: Pick<AnswerSink, 'event'>;
    readonly shown: readonly Citation[];
  }) {
    this.#chunkIndex = options.chunkIndex;
    this.#scope = options.scope;
    this.#sink = options.sink;
    this.#shown = options.shown.length;
    for (const citation of options.shown) this.#seen.add(placeOf(citation.chunkId, citation));
  }

  add(candidate: CitationCandidate): void {
    const place = placeOf(candidate.passage.chunk.id, candidate);
    if (this.#seen.has(place)) return;
    this.#seen.add(place);
    this.#waiting.push(candidate);
    this.#checking ??= this.#check();
  }

  /** Resolves when every candidate so far is shown or dropped. */
  async drained(): Promise<CitationCounts> {
    while (this.#checking) await this.#checking;
    return { shown: this.#shown, dropped: this.#dropped };
  }

  async #check(): Promise<void> {
    while (this.#waiting.length > 0) {
      const candidates = this.#waiting;
      this.#waiting = [];
      const chunks = await this.#stored(candidates);
      for (const candidate of candidates) this.#emit(candidate, chunks.get(candidate.passage.chunk.id));
    }
    this.#checking = undefined;
  }

  /** An index that does not answer confirms nothing: the citations are dropped, the answer goes on. */
  async #stored(candidates: readonly CitationCandidate[]): Promise<ReadonlyMap<string, Chunk>> {
    const ids = [...new Set(candidates.map((candidate) => candidate.passage.chunk.id))];
    const chunks = await this.#chunkIndex.get(this.#scope, ids).catch(() => []);
    return new Map(chunks.map((chunk) => [chunk.id, chunk]));
  }

  #emit(candidate: CitationCandidate, stored: Chunk | undefined): void {
    if (!stored || !isVerbatim(candidate, stored)) {
      this.#dropped += 1;
      return;
    }
    this.#shown += 1;
    const { passage, quote, sourceStart, sourceEnd, answerStart, answerEnd } = candidate;
    const citation: Citation = {
      index: this.#shown,
      chunkId: stored.id,
      documentId: stored.documentId,
      documentTitle: passage.documentTitle,
      documentVersion: stored.documentVersion,
      headingPath: stored.headingPath,
      page: stored.page,
      quote,
      sourceStart,
      sourceEnd,
      answerStart,
      answerEnd,
    };
    this.#sink.event({ type: 'CitationAdded', citation });
  }
}

function isVerbatim(candidate: CitationCandidate, stored: Chunk): boolean {
  const { passage, quote, sourceStart, sourceEnd } = candidate;
  if (quote === '' || sourceStart < stored.start || sourceEnd > stored.end) return false;
  if (stored.documentId !== passage.chunk.documentId) return false;
  if (stored.documentVersion !== passage.chunk.documentVersion) return false;
  return stored.text.slice(sourceStart - stored.start, sourceEnd - stored.start) === quote;
}

function placeOf(
  chunkId: string,
  span: Pick<CitationCandidate, 'sourceStart' | 'sourceEnd' | 'answerStart'>,
): string {
  return `${chunkId} ${span.sourceStart} ${span.sourceEnd} ${span.answerStart}`;
}
