export interface PairedComparison {
  /** Mean of the second minus mean of the first. */
  readonly difference: number;
  /** Two-sided; how often chance alone makes a difference this large. */
  readonly p: number;
  readonly pairCount: number;
}

const ROUND_COUNT = 10_000;
/** A fixed seed: the same figures give the same p, on every machine. */
const SEED = 0x9e3779b9;

/**
 * Fisher's paired randomisation test: if the two systems were alike, each question's two results could as well be
 * exchanged, so the signs of the differences are drawn anew 10,000 times. Nothing is assumed about their distribution,
 * which for nDCG is far from normal. The observed arrangement counts as one of the rounds, so p is never 0.
 */
export function comparePaired(first: readonly number[], second: readonly number[]): PairedComparison {
  const pairCount = Math.min(first.length, second.length);
  const differences = Array.from(
    { length: pairCount },
    (_, index) => (second[index] ?? 0) - (first[index] ?? 0),
  );
  const sum = differences.reduce((total, value) => total + value, 0);
  const different = Float64Array.from(differences.filter((value) => value !== 0));
  // Sums of the same numbers in another order differ in their last bits.
  const threshold = Math.abs(sum) - 1e-12;
  const next = xorshift(SEED);
  let asLarge = 0;
  for (let round = 0; round < ROUND_COUNT; round += 1) {
    if (Math.abs(signedSum(different, next)) >= threshold) asLarge += 1;
  }
  const difference = pairCount === 0 ? 0 : sum / pairCount;
  return { difference, p: (asLarge + 1) / (ROUND_COUNT + 1), pairCount };
}

function signedSum(values: Float64Array, next: () => number): number {
  let sum = 0;
  let bits = 0;
  for (let index = 0; index < values.length; index += 1) {
    if (index % 32 === 0) bits = next();
    const value = values[index] as number;
    sum += (bits & 1) === 0 ? value : -value;
    bits >>>= 1;
  }
  return sum;
}

/** Marsaglia's xorshift32: 32 random bits a call, none of the period of which a test here comes near. */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
