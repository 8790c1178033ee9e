import { createHash } from 'node:crypto';
import mongoose from 'mongoose';
import { DomainError } from '../../domain/errors.ts';
import type { EmbeddingModelRef } from '../../domain/ports/chunk-index.ts';

const { Binary } = mongoose.mongo;
const KEY_LENGTH = 16;

/** A name for a model, `d<dimensions>_<digest>`, that may stand in a field path: model ids have dots and slashes. */
export function modelKeyOf({ modelId, dimensions }: EmbeddingModelRef): string {
  const digest = createHash('sha256').update(modelId).digest('hex');
  return `d${dimensions}_${digest.slice(0, KEY_LENGTH)}`;
}

export function dimensionsOf(modelKey: string): number {
  return Number.parseInt(modelKey.slice(1), 10);
}

/** 4 bytes a number as a BSON binary vector; about 12 as an array, for servers that do not know the former. */
export function packVector(vector: Float32Array, isBinary: boolean): unknown {
  return isBinary ? Binary.fromFloat32Array(vector) : Array.from(vector);
}

/** undefined stands for a vector without direction. */
export function unpackVector(stored: unknown, dimensions: number): Float32Array {
  if (stored === undefined) return new Float32Array(dimensions);
  if (stored instanceof Binary) return stored.toFloat32Array();
  if (Array.isArray(stored)) return Float32Array.from(stored, Number);
  throw new TypeError('a stored vector is neither a binary vector nor an array');
}

export function hasDirection(vector: Float32Array): boolean {
  return vector.some((value) => value !== 0);
}

export function dotProduct(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index += 1) sum += (left[index] ?? 0) * (right[index] ?? 0);
  return sum;
}

export function requireDimensions({ modelId, dimensions }: EmbeddingModelRef, vector: Float32Array): void {
  if (vector.length === dimensions) return;
  throw new DomainError(
    'BAD_USER_INPUT',
    `A vector of ${modelId} has ${dimensions} dimensions, not ${vector.length}.`,
  );
}
