import type { Tokenizer } from '../../../domain/ports/models.ts';
import { cutAt } from '../agent/well-formed.ts';

/** No tokenizer makes so long tokens of prose: more text than this is worth a count. */
const CHARACTERS_PER_TOKEN = 8;

/**
 * The bound of an answer in tokens, for models that do not keep the one they were given. One that keeps it sends no
 * more pieces than tokens, and is never counted.
 */
export class TokenBudget {
  readonly #tokenizer: Tokenizer;
  readonly #tokensMax: number;
  #pieceCount = 0;
  /** undefined: there was no need to count. */
  #tokenCount: number | undefined;

  constructor(tokenizer: Tokenizer, tokensMax: number) {
    this.#tokenizer = tokenizer;
    this.#tokensMax = tokensMax;
  }

  /** As much of the next piece as fits behind the text so far. */
  fitting(text: string, piece: string): string {
    this.#pieceCount += 1;
    const isShort = text.length + piece.length <= this.#tokensMax * CHARACTERS_PER_TOKEN;
    if (isShort && this.#pieceCount <= this.#tokensMax) return piece;
    this.#tokenCount ??= this.#tokenizer.count(text);
    const left = this.#tokensMax - this.#tokenCount;
    const count = this.#tokenizer.count(piece);
    // A token has one character at least.
    const fitting = count <= left ? piece : cutAt(piece, Math.max(0, left));
    this.#tokenCount += count;
    return fitting;
  }
}
