import type { Passage } from '../../../domain/document.ts';
import type { ChunkId } from '../../../domain/ids.ts';
import type { Tokenizer } from '../../../domain/ports/models.ts';

const CHUNKS_MAX = 8_192;

/** Tokens of chunks, whose text never changes: what one question found, the next one often finds too. */
export class PassageTokens {
  readonly #tokenizer: Tokenizer;
  /** A Map keeps insertion order: the first is the oldest. */
  readonly #counts = new Map<ChunkId, number>();

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  count({ chunk }: Passage): number {
    const known = this.#counts.get(chunk.id);
    if (known !== undefined) return known;
    const count = this.#tokenizer.count(chunk.text);
    if (this.#counts.size >= CHUNKS_MAX) this.#forgetOldest();
    this.#counts.set(chunk.id, count);
    return count;
  }

  #forgetOldest(): void {
    for (const id of this.#counts.keys()) {
      this.#counts.delete(id);
      return;
    }
  }
}
