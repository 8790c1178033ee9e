import { ByteDots, COLUMN_STEP } from './byte-dots.ts';
import { TopScores } from './top-scores.ts';

const LEVELS = 127;
const dots = new ByteDots();

/**
 * Vectors of one model as signed bytes, one row a slot, with a scale each: a quarter of the memory, and an approximate
 * score within about one percent. Exact scores come from the stored floats of the few that are left.
 */
export class VectorSlab {
  /** Dimensions rounded up. */
  readonly #columns: number;
  #codes: Int8Array;
  #scales: Float32Array;
  #present: Uint8Array;

  constructor(dimensions: number, capacity: number) {
    this.#columns = Math.ceil(dimensions / COLUMN_STEP) * COLUMN_STEP;
    this.#codes = new Int8Array(capacity * this.#columns);
    this.#scales = new Float32Array(capacity);
    this.#present = new Uint8Array(capacity);
  }

  get byteLength(): number {
    return this.#codes.byteLength + this.#scales.byteLength + this.#present.byteLength;
  }

  grow(capacity: number): void {
    this.#codes = copyInto(new Int8Array(capacity * this.#columns), this.#codes);
    this.#scales = copyInto(new Float32Array(capacity), this.#scales);
    this.#present = copyInto(new Uint8Array(capacity), this.#present);
  }

  set(slot: number, vector: Float32Array): void {
    this.#scales[slot] = quantize(vector, this.#codes, slot * this.#columns);
    this.#present[slot] = 1;
  }

  clear(slot: number): void {
    this.#present[slot] = 0;
  }

  /** The slots below `size` that are accepted and score best, about; in no order. */
  scan(
    query: Float32Array,
    size: number,
    limit: number,
    accepts: (slot: number) => boolean,
  ): readonly number[] {
    const top = new TopScores(limit);
    const codes = new Int8Array(this.#columns);
    const queryScale = quantize(query, codes, 0);
    dots.forEachRow(this.#codes, codes, size, (slot, dot) => {
      if (this.#present[slot] === 0) return;
      const score = dot * queryScale * (this.#scales[slot] as number);
      if (score > top.threshold && accepts(slot)) top.offer(slot, score);
    });
    return top.items();
  }
}

/** Returns what a code has to be multiplied with. */
function quantize(vector: Float32Array, into: Int8Array, offset: number): number {
  let largest = 0;
  for (const value of vector) largest = Math.max(largest, Math.abs(value));
  const scale = largest / LEVELS;
  for (let at = 0; at < vector.length; at += 1) {
    into[offset + at] = scale === 0 ? 0 : Math.round((vector[at] ?? 0) / scale);
  }
  return scale;
}

/** Of the stored floats; the score that is shown. */
export function exactScore(left: Float32Array, right: Float32Array): number {
  let score = 0;
  for (let at = 0; at < left.length; at += 1) score += (left[at] ?? 0) * (right[at] ?? 0);
  return score;
}

function copyInto<T extends { set(from: T): void }>(to: T, from: T): T {
  to.set(from);
  return to;
}
