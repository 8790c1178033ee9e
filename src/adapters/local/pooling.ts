import { z } from 'zod';

export const poolingSchema = z.looseObject({
  word_embedding_dimension: z.int().positive().optional(),
  pooling_mode: z.string().optional(),
});

const MODES = ['mean', 'cls', 'max', 'lasttoken'] as const;
/** How the vectors of a text's tokens become one. */
export type PoolingMode = (typeof MODES)[number];

/** The key of sentence-transformers' `1_Pooling/config.json`. Mean over the root of the length has mean's direction. */
const FLAGS: Readonly<Record<string, PoolingMode>> = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean',
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_lasttoken: 'lasttoken',
};

/** undefined: several at once, or one that is not known. */
export function poolingModeOf(config: z.output<typeof poolingSchema>): PoolingMode | undefined {
  if (config.pooling_mode !== undefined) return MODES.find((mode) => mode === config.pooling_mode);
  const set = Object.keys(config).filter((key) => key.startsWith('pooling_mode_') && config[key] === true);
  return set.length === 1 ? FLAGS[set[0] ?? ''] : undefined;
}

export interface TokenVectors {
  /** [text, token, dimension], row-major. */
  readonly values: Float32Array;
  /** [text, token]: 0 where there is only padding. */
  readonly mask: BigInt64Array;
  readonly textCount: number;
  readonly tokenCount: number;
  readonly dimensions: number;
}

/** Unit vectors of all texts, one after another. */
export function poolAll(tokens: TokenVectors, mode: PoolingMode): Float32Array {
  const { textCount, tokenCount, dimensions } = tokens;
  const pooled = new Float32Array(textCount * dimensions);
  for (let text = 0; text < textCount; text += 1) {
    const real: number[] = [];
    for (let token = 0; token < tokenCount; token += 1) {
      if (tokens.mask[text * tokenCount + token] === 1n) real.push(text * tokenCount + token);
    }
    const vector = pooled.subarray(text * dimensions, (text + 1) * dimensions);
    pool(vector, rowsOf(real, mode), tokens.values, mode === 'max');
    normalise(vector);
  }
  return pooled;
}

function rowsOf(real: readonly number[], mode: PoolingMode): readonly number[] {
  if (mode === 'cls') return real.slice(0, 1);
  return mode === 'lasttoken' ? real.slice(-1) : real;
}

/** The sum serves for the mean: normalising follows. */
function pool(vector: Float32Array, rows: readonly number[], values: Float32Array, largest: boolean): void {
  if (largest) vector.fill(Number.NEGATIVE_INFINITY);
  for (const row of rows) {
    const start = row * vector.length;
    for (let index = 0; index < vector.length; index += 1) {
      const value = values[start + index] as number;
      const before = vector[index] as number;
      vector[index] = largest ? Math.max(before, value) : before + value;
    }
  }
}

export function normalise(vector: Float32Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  if (length === 0 || !Number.isFinite(length)) {
    vector.fill(0);
    return;
  }
  for (let index = 0; index < vector.length; index += 1) vector[index] = (vector[index] as number) / length;
}
