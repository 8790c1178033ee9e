/** What of the library's tokenizer is used; it adds the model's special tokens. */
export interface TokenSource {
  ids(text: string, addSpecialTokens: boolean): readonly number[];
}

export interface TokenBatch {
  /** [text, token], row-major; every row as long as the longest. */
  readonly ids: BigInt64Array<ArrayBuffer>;
  /** 1 for a token, 0 for padding. */
  readonly mask: BigInt64Array<ArrayBuffer>;
  readonly tokenCount: number;
}

/**
 * Cuts and pads as the reference tokenizers do. The library's own way of cutting loses the special token at the end,
 * which moves the vector of every text that is too long.
 */
export class BatchEncoder {
  readonly #source: TokenSource;
  readonly #tokenCountMax: number;
  readonly #paddingId: bigint;
  readonly #tailLength: number;

  constructor(source: TokenSource, tokenCountMax: number, paddingId: number) {
    this.#source = source;
    this.#tokenCountMax = tokenCountMax;
    this.#paddingId = BigInt(paddingId);
    this.#tailLength = tailLengthOf(source);
  }

  encode(texts: readonly string[]): TokenBatch {
    const rows = texts.map((text) => this.#cut(this.#source.ids(text, true)));
    const tokenCount = Math.max(1, ...rows.map((row) => row.length));
    const ids = new BigInt64Array(rows.length * tokenCount).fill(this.#paddingId);
    const mask = new BigInt64Array(rows.length * tokenCount);
    for (const [index, row] of rows.entries()) {
      const start = index * tokenCount;
      for (const [place, id] of row.entries()) ids[start + place] = BigInt(id);
      mask.fill(1n, start, start + row.length);
    }
    return { ids, mask, tokenCount };
  }

  #cut(ids: readonly number[]): readonly number[] {
    if (ids.length <= this.#tokenCountMax) return ids;
    const head = ids.slice(0, this.#tokenCountMax - this.#tailLength);
    return this.#tailLength === 0 ? head : [...head, ...ids.slice(-this.#tailLength)];
  }
}

/** How many special tokens follow a text. */
function tailLengthOf(source: TokenSource): number {
  const bare = source.ids('a', false);
  const dressed = source.ids('a', true);
  const start = dressed.findIndex((_, at) => bare.every((id, index) => dressed[at + index] === id));
  return start < 0 ? 0 : dressed.length - start - bare.length;
}
