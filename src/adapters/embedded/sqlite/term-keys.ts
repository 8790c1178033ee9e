import { countTerms } from '../../../domain/bm25.ts';
import type { Statements } from './statements.ts';

/** Distinct terms remembered, about 100 bytes each; a corpus rarely has more. */
const REMEMBERED_MAX = 200_000;

/** Numbers of terms, given at their first occurrence. Those of one writer; the table is the truth. */
export class TermKeys {
  readonly #statements: Statements;
  readonly #keys = new Map<string, number>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Pairs of term key and count. Within a transaction. */
  pairs(terms: readonly string[]): Uint32Array {
    const counts = countTerms(terms);
    const pairs = new Uint32Array(2 * counts.size);
    let at = 0;
    for (const [term, count] of counts) {
      pairs[at] = this.#key(term);
      pairs[at + 1] = count;
      at += 2;
    }
    return pairs;
  }

  /** A transaction was rolled back, and with it perhaps keys that are remembered. */
  forget(): void {
    this.#keys.clear();
  }

  #key(term: string): number {
    const known = this.#keys.get(term);
    if (known !== undefined) return known;
    this.#statements.run('INSERT INTO term (term) VALUES (?) ON CONFLICT DO NOTHING', term);
    const { key } = this.#statements.get('SELECT key FROM term WHERE term = ?', term) ?? {};
    if (this.#keys.size >= REMEMBERED_MAX) this.#keys.clear();
    this.#keys.set(term, Number(key));
    return Number(key);
  }
}
