/** A stretch of one document; UTF-16 units, `end` exclusive. */
export interface Span {
  readonly documentId: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Share of the characters that hold the answer which are within the first `lengthMax` characters of the passages, best
 * first. The passage that reaches over the limit counts up to it. What two passages repeat is paid for twice and found
 * once, as it is in a prompt. Undefined without any reference.
 */
export function spanRecall(
  passages: readonly Span[],
  references: readonly Span[],
  lengthMax: number,
): number | undefined {
  const wanted = references.reduce((sum, { start, end }) => sum + end - start, 0);
  if (wanted === 0) return undefined;
  const shown = firstCharacters(passages, lengthMax);
  const found = references.reduce((sum, reference) => sum + coveredLength(reference, shown), 0);
  return found / wanted;
}

function firstCharacters(passages: readonly Span[], lengthMax: number): Span[] {
  const shown: Span[] = [];
  let left = lengthMax;
  for (const { documentId, start, end } of passages) {
    if (left <= 0) break;
    const length = Math.min(left, end - start);
    shown.push({ documentId, start, end: start + length });
    left -= length;
  }
  return shown;
}

function coveredLength(reference: Span, shown: readonly Span[]): number {
  const overlaps = shown
    .filter(({ documentId }) => documentId === reference.documentId)
    .sort((a, b) => a.start - b.start);
  let covered = 0;
  let from = reference.start;
  for (const { start, end } of overlaps) {
    const [low, high] = [Math.max(from, start), Math.min(reference.end, end)];
    if (high <= low) continue;
    covered += high - low;
    from = high;
  }
  return covered;
}
