import type { Passage } from '../../../domain/document.ts';
import { analyze } from '../../../domain/text-analyzer.ts';

/** Share of relevance; the rest goes against what was already chosen. */
const RELEVANCE_SHARE = 0.7;
/** Passages that share this much of their words say the same. */
const SAME_SHARE = 0.9;

/**
 * Maximal marginal relevance (Carbonell and Goldstein, 1998): each next passage is the one that is most relevant and
 * least like those before it. Likeness is the shared part of their terms (Jaccard).
 */
export function diversify(passages: readonly Passage[]): Passage[] {
  const waiting = passages.map((passage) => ({ passage, terms: termsOf(passage), likeness: 0 }));
  const chosen: Passage[] = [];
  while (waiting.length > 0) {
    const values = waiting.map(
      ({ passage, likeness }) => RELEVANCE_SHARE * passage.score - (1 - RELEVANCE_SHARE) * likeness,
    );
    const [next] = waiting.splice(values.indexOf(Math.max(...values)), 1);
    if (next === undefined) break;
    chosen.push(next.passage);
    for (const other of waiting) other.likeness = Math.max(other.likeness, shared(next.terms, other.terms));
  }
  return chosen;
}

/** Without those that repeat a better one. */
export function withoutRepeats(passages: readonly Passage[]): Passage[] {
  const kept: { readonly passage: Passage; readonly terms: ReadonlySet<string> }[] = [];
  for (const passage of passages) {
    const terms = termsOf(passage);
    if (!kept.some((other) => shared(other.terms, terms) >= SAME_SHARE)) kept.push({ passage, terms });
  }
  return kept.map(({ passage }) => passage);
}

function termsOf({ chunk }: Passage): ReadonlySet<string> {
  return new Set(analyze(chunk.text));
}

function shared(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  let both = 0;
  for (const term of left) if (right.has(term)) both += 1;
  const either = left.size + right.size - both;
  return either === 0 ? 1 : both / either;
}
