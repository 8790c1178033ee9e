/** The best `limit` of many scored numbers: a binary heap whose root is the worst one kept. */
export class TopScores {
  readonly #limit: number;
  readonly #scores: number[] = [];
  readonly #items: number[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A score at or below this cannot enter any more. */
  get threshold(): number {
    if (this.#limit === 0) return Number.POSITIVE_INFINITY;
    return this.#scores.length < this.#limit ? Number.NEGATIVE_INFINITY : (this.#scores[0] ?? 0);
  }

  offer(item: number, score: number): void {
    if (score <= this.threshold) return;
    if (this.#scores.length < this.#limit) this.#append(item, score);
    else this.#replaceWorst(item, score);
  }

  /** In no order. */
  items(): readonly number[] {
    return this.#items;
  }

  #append(item: number, score: number): void {
    let at = this.#scores.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentScore = this.#scores[parent] ?? 0;
      if (parentScore <= score) break;
      this.#place(at, this.#items[parent] ?? 0, parentScore);
      at = parent;
    }
    this.#place(at, item, score);
  }

  #replaceWorst(item: number, score: number): void {
    const count = this.#scores.length;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && (this.#scores[child + 1] ?? 0) < (this.#scores[child] ?? 0)) child += 1;
      const childScore = this.#scores[child] ?? 0;
      if (childScore >= score) break;
      this.#place(at, this.#items[child] ?? 0, childScore);
      at = child;
    }
    this.#place(at, item, score);
  }

  #place(at: number, item: number, score: number): void {
    this.#items[at] = item;
    this.#scores[at] = score;
  }
}
