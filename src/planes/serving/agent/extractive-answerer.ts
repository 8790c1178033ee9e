import { indexedText, type Passage } from '../../../domain/document.ts';
import type { Embedder } from '../../../domain/ports/models.ts';
import type { QueryEmbedding } from '../retrieval/query-embedding.ts';
import type { Answerer, AnswerFinish, AnswerRequest } from './answerer.ts';
import { smallTalkReply } from './plan.ts';
import { quoteOf } from './quote.ts';
import { collectSentences, type RankedSentence, rankSentences } from './sentence-ranker.ts';

const SENTENCES_MAX = 4;
const ANSWER_LENGTH_MAX = 1_200;
/** A further sentence must be nearly as good as the best one. */
const SCORE_SHARE_MIN = 0.78;
/** Jaccard overlap of terms from which two sentences say the same. */
const REPETITION_MAX = 0.55;
/**
 * Below these a sentence shares words with the question but does not answer it. Three witnesses add up: the words that
 * it holds, its own likeness to the question, and that of its passage; of the thresholds that were tried on questions in
 * English and German, each asked with and without the passage that answers it, this parts the two best in all of them.
 */
const COVERAGE_MIN = 0.3;
const EVIDENCE_MIN = 1;
/** Words alone have to do where the embedder knows none of them. */
const COVERAGE_WITHOUT_VECTORS_MIN = 0.6;
const INPUT_TOKENS_PER_PASSAGE = 600;

export interface ExtractiveAnswererDeps {
  readonly embedder: Pick<Embedder, 'embedDocuments'>;
  readonly queryEmbedding: Pick<QueryEmbedding, 'embed'>;
}
/** One sentence of an answer and where it stands in it. */
interface Placed {
  readonly sentence: RankedSentence;
  readonly start: number;
  readonly end: number;
}

/**
 * Answers without a model: the sentences of the passages that answer best, word for word, each cited. The same
 * passages and question give the same answer, so that a takeover skips what was shown. It says so when the passages
 * hold no answer.
 */
export class ExtractiveAnswerer implements Answerer {
  readonly modelId = 'builtin/extractive';
  readonly #deps: ExtractiveAnswererDeps;
  readonly #passageCountMax: number;

  constructor(deps: ExtractiveAnswererDeps, options: { readonly passageCountMax: number }) {
    this.#deps = deps;
    this.#passageCountMax = options.passageCountMax;
  }

  bounds(question: string): { readonly inputTokens: number; readonly outputTokens: number } {
    const passages = this.#passageCountMax * INPUT_TOKENS_PER_PASSAGE;
    return { inputTokens: question.length + passages, outputTokens: ANSWER_LENGTH_MAX };
  }

  async answer(request: AnswerRequest): Promise<AnswerFinish> {
    const { question, passages, sink, usage, retrieved } = request;
    const prompt = [question, ...passages.map((passage) => passage.chunk.text)].join('\n');
    const call = usage.begin(prompt, request.shown.length, () => sink.text.length);
    if (!retrieved) {
      await this.#show(request, smallTalkReply(question), []);
      call.finished(undefined);
      return 'COMPLETED';
    }
    const chosen = passages.length === 0 ? [] : await this.#choose(request);
    if (chosen.length === 0) {
      await this.#show(request, abstention(passages), []);
      call.finished(undefined);
      return 'ABSTAINED';
    }
    const { text, placed } = compose(chosen);
    await this.#show(request, text, placed);
    call.finished(undefined);
    return 'COMPLETED';
  }

  async #choose(request: AnswerRequest): Promise<readonly RankedSentence[]> {
    const { scope, query, passages, signal } = request;
    const sentences = collectSentences(passages);
    if (sentences.length === 0) return [];
    const texts = sentences.map(({ passage, text }) => indexedText(passage.chunk.headingPath, text));
    const [question, vectors] = await Promise.all([
      this.#deps.queryEmbedding.embed(scope, query, signal),
      this.#deps.embedder.embedDocuments(texts, signal),
    ]);
    const similarities = vectors.map((vector) => dot(question, vector));
    return select(rankSentences(query, sentences, similarities));
  }

  /** Word by word, each durable before the next; skips what earlier attempts have shown. */
  async #show(request: AnswerRequest, text: string, placed: readonly Placed[]): Promise<void> {
    const { sink, shown, signal } = request;
    // An index that changed meanwhile may give another answer: then it follows, whole, on what was shown.
    const continues = text.startsWith(shown);
    const prefix = continues ? '' : `${shown.trimEnd()} …\n\n`;
    if (!continues) sink.delta(prefix.slice(shown.trimEnd().length));
    const offset = continues ? 0 : sink.text.length;
    let position = continues ? shown.length : 0;
    let next = 0;
    const citeUpTo = (end: number) => {
      for (let span = placed[next]; span && span.end <= end; span = placed[next]) {
        next += 1;
        cite(request, span, offset);
      }
    };
    citeUpTo(position);
    for (const [word] of text.slice(position).matchAll(/\s*\S+\s*$|\s*\S+/gu)) {
      signal.throwIfAborted();
      sink.delta(word);
      position += word.length;
      citeUpTo(position);
      await sink.flushed();
    }
    signal.throwIfAborted();
  }
}

function cite(request: AnswerRequest, { sentence, start, end }: Placed, offset: number): void {
  const quote = quoteOf(sentence.passage, sentence.span);
  request.cite({
    passage: sentence.passage,
    ...quote,
    answerStart: offset + start,
    answerEnd: offset + Math.min(end, start + quote.quote.length),
  });
}

/** The best sentence, if it is an answer at all, and those beside it that add something. */
function select(ranked: readonly RankedSentence[]): RankedSentence[] {
  const best = ranked[0];
  if (!best || !isAnswer(best)) return [];
  const chosen = [best];
  let length = best.text.length;
  for (const sentence of ranked.slice(1)) {
    if (chosen.length >= SENTENCES_MAX || sentence.score < best.score * SCORE_SHARE_MIN) break;
    if (!isAnswer(sentence) || length + sentence.text.length > ANSWER_LENGTH_MAX) continue;
    if (chosen.some((other) => similarity(other.terms, sentence.terms) > REPETITION_MAX)) continue;
    chosen.push(sentence);
    length += sentence.text.length;
  }
  return chosen;
}

function isAnswer({ coverage, similarity: cosine, passage }: RankedSentence): boolean {
  const likeness = cosine + Math.max(0, passage.vectorScore);
  if (likeness === 0) return coverage >= COVERAGE_WITHOUT_VECTORS_MIN;
  return coverage >= COVERAGE_MIN && coverage + likeness >= EVIDENCE_MIN;
}

/** Passages in the order of their best sentence, sentences of one passage in the order of the text. */
function compose(chosen: readonly RankedSentence[]): { text: string; placed: Placed[] } {
  const order = [...new Set(chosen.map((sentence) => sentence.passageIndex))];
  const sorted = [...chosen].sort(
    (a, b) => order.indexOf(a.passageIndex) - order.indexOf(b.passageIndex) || a.span.start - b.span.start,
  );
  let text = '';
  const placed: Placed[] = [];
  for (const [index, sentence] of sorted.entries()) {
    if (index > 0) text += sorted[index - 1]?.passageIndex === sentence.passageIndex ? ' ' : '\n\n';
    placed.push({ sentence, start: text.length, end: text.length + sentence.text.length });
    text += sentence.text;
  }
  return { text, placed };
}

function abstention(passages: readonly Passage[]): string {
  if (passages.length === 0) return 'I found nothing about this in the documents of this workspace.';
  const titles = [...new Set(passages.map((passage) => passage.documentTitle))].slice(0, 3);
  const nearest = titles.map((title) => `“${title}”`).join(', ');
  return `The documents of this workspace do not seem to answer this. The nearest I found is in ${nearest}.`;
}

function similarity(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const term of a) if (b.has(term)) shared += 1;
  return shared / (a.size + b.size - shared || 1);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
