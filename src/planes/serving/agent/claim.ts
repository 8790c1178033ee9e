const SENTENCE_BREAK = /[.!?…]["'”’»)\]*_]*\s+(?=\S)|[。！？]|\n+/gu;
/** Looked at before a marker; a claim is one sentence. UTF-16 units. */
const CLAIM_LENGTH_MAX = 1_200;
const LEADING = /^[\s,;:–—-]*(?:[-*+•]\s+|\d{1,3}[.)]\s+)?/;

/**
 * The span of an answer that a marker at its end speaks for: the sentence before it, from the last sentence break or
 * from the marker before (`after`), whichever is later.
 */
export function claimSpan(text: string, after: number): { readonly start: number; readonly end: number } {
  const end = text.trimEnd().length;
  const floor = Math.min(Math.max(after, end - CLAIM_LENGTH_MAX), end);
  let start = floor;
  const part = text.slice(floor, end);
  for (const match of part.matchAll(SENTENCE_BREAK)) {
    const next = floor + match.index + match[0].length;
    if (next < end) start = next;
  }
  const lead = LEADING.exec(text.slice(start, end))?.[0].length ?? 0;
  return start + lead < end ? { start: start + lead, end } : { start: Math.min(start, end), end };
}
