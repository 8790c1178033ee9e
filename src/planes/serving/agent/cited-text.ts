import type { Passage } from '../../../domain/document.ts';
import type { AnswerSink } from './answer-sink.ts';
import type { CitationCandidate } from './citation-checker.ts';
import { claimSpan } from './claim.ts';
import { MarkerFilter } from './marker-filter.ts';
import { bestQuote } from './quote.ts';
import { WellFormedText } from './well-formed.ts';

export interface CitedTextOptions {
  readonly sink: AnswerSink;
  /** The passage with the number the model was given; undefined for one it made up. */
  passage(number: number): Passage | undefined;
  cite(candidate: CitationCandidate): void;
}

/** A model's stream on its way to the sink: well-formed, without markers, each marker turned into a citation. */
export class CitedText {
  readonly #options: CitedTextOptions;
  readonly #wellFormed = new WellFormedText();
  readonly #filter: MarkerFilter;
  #lastMarkerAt: number;
  #lastClaim: { readonly start: number; readonly end: number } | undefined;
  /** The model said, with `[0]`, that the passages hold no answer. */
  #abstained = false;
  #citedCount = 0;
  /** Numbers the model made up, or with nothing before them to speak for. */
  #droppedCount = 0;

  constructor(options: CitedTextOptions) {
    this.#options = options;
    this.#lastMarkerAt = options.sink.text.length;
    this.#filter = new MarkerFilter({
      text: (text) => this.#show(text),
      marker: (numbers) => this.#resolve(numbers),
    });
  }

  get abstained(): boolean {
    return this.#abstained && this.#citedCount === 0;
  }
  get droppedCount(): number {
    return this.#droppedCount;
  }

  push(delta: string): void {
    this.#filter.push(this.#wellFormed.push(delta));
  }

  end(): void {
    this.#filter.push(this.#wellFormed.end());
    this.#filter.end();
  }

  #show(text: string): void {
    const { sink } = this.#options;
    const shown = sink.text === '' ? text.trimStart() : text;
    if (shown !== '') sink.delta(shown);
  }

  #resolve(numbers: readonly number[]): void {
    const { sink, passage, cite } = this.#options;
    const text = sink.text;
    const claim = text.length === this.#lastMarkerAt ? this.#lastClaim : claimSpan(text, this.#lastMarkerAt);
    this.#lastMarkerAt = text.length;
    this.#lastClaim = claim;
    for (const number of numbers) {
      if (number === 0) this.#abstained = true;
      const source = passage(number);
      if (source === undefined || claim === undefined || claim.end <= claim.start) {
        if (number !== 0) this.#droppedCount += 1;
        continue;
      }
      this.#citedCount += 1;
      const quote = bestQuote(source, text.slice(claim.start, claim.end));
      cite({ passage: source, ...quote, answerStart: claim.start, answerEnd: claim.end });
    }
  }
}
