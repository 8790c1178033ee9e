import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Metadata } from '../../../src/domain/document.ts';
import type { IndexedChunk } from '../../../src/domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import { ids, newChunk, newScope, unitVector } from '../../support/fixtures.ts';
import type { ChunkIndexHarness } from './chunk-index-harness.ts';

const MODEL = { modelId: 'model-a', dimensions: 8 };
const CHUNK_COUNT = 10_000;
const BATCH_SIZE = 1_000;
const LIMIT = 200;

/** A filter that leaves 100 chunks, or 1, of 10,000 still gives the best of them, all of them, and nothing else. */
export function describeChunkSelectivity(name: string, make: () => Promise<ChunkIndexHarness>): void {
  describe(`ChunkIndex selectivity: ${name}`, { timeout: 180_000 }, () => {
    let harness: ChunkIndexHarness;
    let scope: WorkspaceScope;
    let chunks: readonly IndexedChunk[];
    beforeAll(async () => {
      harness = await make();
      scope = newScope();
      const documentId = ids.next('doc');
      chunks = Array.from({ length: CHUNK_COUNT }, (_, index) =>
        newChunk({
          documentId,
          ordinal: index,
          text: `word ${index}`,
          vector: unitVector(MODEL.dimensions, index + 1),
          metadata: metadataOf(index),
        }),
      );
      for (let from = 0; from < CHUNK_COUNT; from += BATCH_SIZE) {
        await harness.index.upsert(scope, MODEL, chunks.slice(from, from + BATCH_SIZE));
      }
      await harness.index.publish(scope, documentId, 1);
      await harness.settle();
    }, 180_000);
    afterAll(() => harness.close());

    it.each([
      ['1 %, a list', { field: 'tags', eq: 'hundredth' }, 100],
      ['1 %, numbers', { field: 'number', gte: 9_900 }, 100],
      ['0.01 %, a date', { field: 'day', gte: '2030-01-01', lte: '2030-12-31' }, 1],
      ['0.01 %, a boolean', { field: 'single', eq: true }, 1],
    ])('is exact at %s', async (_what, condition, count) => {
      const vector = unitVector(MODEL.dimensions, 77_777);
      const selection = { filter: [condition] };
      const matching = chunks.filter(({ metadata }) => matches(metadata, condition.field));
      expect(matching).toHaveLength(count);
      const found = await harness.index.searchVector(scope, MODEL, vector, selection, LIMIT);
      const best = matching.toSorted((a, b) => dot(b.vector, vector) - dot(a.vector, vector));
      expect(found.map(({ chunkId }) => chunkId)).toEqual(best.map(({ id }) => id));
      const lexical = await harness.index.searchLexical(scope, ['word'], selection, LIMIT);
      expect(new Set(lexical.map(({ chunkId }) => chunkId))).toEqual(new Set(best.map(({ id }) => id)));
    });
  });
}

function metadataOf(index: number): Metadata {
  return {
    number: index,
    tags: index % 100 === 7 ? ['all', 'hundredth'] : ['all'],
    day: index === 4_321 ? '2030-06-01' : '2024-06-01',
    single: index === 1_234,
  };
}

/** By the way the data was made, not by the domain's filter. */
function matches(metadata: Metadata, field: string): boolean {
  const index = Number(metadata['number']);
  if (field === 'tags') return index % 100 === 7;
  if (field === 'number') return index >= 9_900;
  return field === 'day' ? index === 4_321 : index === 1_234;
}

function dot(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
}
