/** Texts in one run of the model, and what they may cost together: padding makes all as long as the longest. */
const TEXTS_MAX = 32;
const PADDED_LENGTH_MAX = 16_384;

/**
 * Places of texts, grouped so that each group is padded little: longest first, so that the memory that the first group
 * takes serves all others. `lengthMax` is where the model cuts a text, in UTF-16 units.
 */
export function batchesByLength(texts: readonly string[], lengthMax: number): number[][] {
  const lengthOf = (place: number): number => Math.min(texts[place]?.length ?? 0, lengthMax);
  const places = [...texts.keys()].sort((a, b) => lengthOf(b) - lengthOf(a) || a - b);
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const place of places) {
    const longest = lengthOf(batch[0] ?? place);
    const full = batch.length === TEXTS_MAX || (batch.length + 1) * longest > PADDED_LENGTH_MAX;
    if (batch.length > 0 && full) {
      batches.push(batch);
      batch = [];
    }
    batch.push(place);
  }
  return batch.length === 0 ? batches : [...batches, batch];
}
