import mongoose from 'mongoose';
import { describe, expect, it } from 'vitest';
import {
  dimensionsOf,
  modelKeyOf,
  packVector,
  unpackVector,
} from '../../../src/adapters/mongodb/vector-codec.ts';
import { unitVector } from '../../support/fixtures.ts';

const { BSON } = mongoose.mongo;

describe('vectors in MongoDB', () => {
  const vector = unitVector(384, 1);
  const stored = (isBinary: boolean) => BSON.serialize({ vector: packVector(vector, isBinary) });

  it.each([true, false])('come back as they were (binary: %s)', (isBinary) => {
    const { vector: read } = BSON.deserialize(stored(isBinary), { promoteBuffers: false });
    expect(unpackVector(read, 384)).toEqual(vector);
  });

  it('take four bytes a number where the server takes binary vectors', () => {
    expect(stored(true).length).toBeLessThan(384 * 4 + 64);
    expect(stored(false).length).toBeGreaterThan(384 * 10);
  });

  it('are under keys that can stand in a path and say the dimensions', () => {
    const key = modelKeyOf({ modelId: 'vendor/$model.v1', dimensions: 384 });
    expect(key).toMatch(/^d384_[0-9a-f]{16}$/);
    expect(dimensionsOf(key)).toBe(384);
    expect(modelKeyOf({ modelId: 'vendor/$model.v2', dimensions: 384 })).not.toBe(key);
  });
});
