import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bm25, countTerms, type LexicalChunk } from '../../../src/domain/bm25.ts';
import { indexedText, type Metadata } from '../../../src/domain/document.ts';
import { type FieldCondition, matchesFilter } from '../../../src/domain/metadata-filter.ts';
import type { ChunkSelection, IndexedChunk, ScoredChunk } from '../../../src/domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import { analyze } from '../../../src/domain/text-analyzer.ts';
import { ids, newChunk, newScope, unitVector } from '../../support/fixtures.ts';
import { SeededRandom } from '../../support/random.ts';
import type { ChunkIndexHarness } from './chunk-index-harness.ts';

const MODEL = { modelId: 'model-a', dimensions: 32 };
const EVERYTHING: ChunkSelection = { filter: [] };
const TOLERANCE = 1e-6;
const WORDS = [
  ...['database', 'index', 'vector', 'search', 'engine', 'storage', 'running', 'queries', 'the', 'of', 'and'],
  ...[
    'caf\u00e9',
    'node.js',
    'c++',
    '\u6771\u4eac\u5854',
    '\ub370\uc774\ud130',
    'x_y',
    '42',
    "system's",
    '\u{1f600}',
  ],
];
const QUERIES = ['vector database', 'cafe', 'node', 'c++', '\u6771\u4eac', 'the of and', 'run', 'absent', ''];

/** Scores are compared between adapters, fused and shown: they must be the same everywhere. */
export function describeChunkScoring(name: string, make: () => Promise<ChunkIndexHarness>): void {
  describe(`ChunkIndex scores: ${name}`, () => {
    let harness: ChunkIndexHarness;
    let scope: WorkspaceScope;
    let chunks: readonly IndexedChunk[];
    beforeAll(async () => {
      harness = await make();
      scope = newScope();
      chunks = corpus(new SeededRandom(7));
      await fill(harness, scope, chunks);
      // Neighbours that must not move a score: another workspace, and a version that is not published.
      await fill(harness, newScope(), corpus(new SeededRandom(8)));
      await harness.index.upsert(scope, MODEL, corpus(new SeededRandom(9)));
      await harness.settle();
    });
    afterAll(() => harness.close());

    const expectSame = (actual: readonly ScoredChunk[], expected: ReadonlyMap<string, number>) => {
      expect(new Set(actual.map(({ chunkId }) => chunkId))).toEqual(new Set(expected.keys()));
      for (const { chunkId, score } of actual) {
        expect(Math.abs(score - (expected.get(chunkId) ?? 0))).toBeLessThan(TOLERANCE);
      }
    };
    const expectBestFirst = (scored: readonly ScoredChunk[]) => {
      const scores = scored.map(({ score }) => score);
      expect(scores).toEqual(scores.toSorted((left, right) => right - left));
    };

    it.each(QUERIES)('scores %j by BM25 over the workspace', async (query) => {
      const expected = lexicalScores(chunks, query);
      const positive = new Map([...expected].filter(([, score]) => score > 0));
      const terms = analyze(query);
      const found = await harness.index.searchLexical(scope, terms, EVERYTHING, 1_000);
      expectSame(found, positive);
      expectBestFirst(found);
      const chunkIds = chunks.map(({ id }) => id);
      const scored = await harness.index.scoreLexical(scope, terms, [...chunkIds, ids.next('chk')]);
      expectSame(scored, expected);
    });

    it('does not count a repeated word of the question twice', async () => {
      const once = await harness.index.searchLexical(scope, ['vector'], EVERYTHING, 10);
      const twice = await harness.index.searchLexical(scope, ['vector', 'vector'], EVERYTHING, 10);
      expect(twice).toEqual(once);
      expect(once.length).toBeGreaterThan(0);
    });

    it('returns the best of all when the limit cuts', async () => {
      const terms = analyze('vector database of the engine');
      const all = await harness.index.searchLexical(scope, terms, EVERYTHING, 1_000);
      const few = await harness.index.searchLexical(scope, terms, EVERYTHING, 7);
      expect(few.map(({ score }) => score)).toEqual(all.slice(0, 7).map(({ score }) => score));
      const vector = unitVector(MODEL.dimensions, 4);
      const allVectors = await harness.index.searchVector(scope, MODEL, vector, EVERYTHING, 1_000);
      const fewVectors = await harness.index.searchVector(scope, MODEL, vector, EVERYTHING, 7);
      expect(fewVectors).toEqual(allVectors.slice(0, 7));
    });

    it('scores vectors by their dot product', async () => {
      const vector = unitVector(MODEL.dimensions, 1_234);
      const expected = new Map<string, number>(chunks.map((chunk) => [chunk.id, dot(chunk.vector, vector)]));
      const found = await harness.index.searchVector(scope, MODEL, vector, EVERYTHING, 1_000);
      expectSame(found, expected);
      expectBestFirst(found);
      const asked = chunks.slice(3, 9).map(({ id }) => id);
      const scored = await harness.index.scoreVector(scope, MODEL, vector, [...asked, ids.next('chk')]);
      expectSame(scored, new Map([...expected].filter(([id]) => asked.some((one) => one === id))));
    });

    it('scores a text without known tokens 0', async () => {
      const zero = newChunk({ documentId: ids.next('doc'), vector: new Float32Array(MODEL.dimensions) });
      const fresh = newScope();
      await fill(harness, fresh, [zero]);
      const vector = unitVector(MODEL.dimensions, 3);
      expect(await harness.index.scoreVector(fresh, MODEL, vector, [zero.id])).toEqual([
        { chunkId: zero.id, score: 0 },
      ]);
    });

    it('counts token ids over published chunks', async () => {
      const asked = [0, 1, 2, 3, 4, 99];
      const statistics = await harness.index.tokenStatistics(scope, MODEL, asked);
      expect(statistics.chunkCount).toBe(chunks.length);
      const counted = asked.map((id) => chunks.filter(({ tokenIds }) => tokenIds.includes(id)).length);
      expect(statistics.chunkFrequencies).toEqual(counted);
      const unknown = { modelId: 'model-b', dimensions: 32 };
      expect(await harness.index.tokenStatistics(scope, unknown, [1])).toEqual({
        ...{ chunkCount: 0, chunkFrequencies: [0] },
      });
    });

    describe('selection', () => {
      it('keeps to the collections asked for; none when none is named', async () => {
        const [wanted] = chunks;
        if (wanted === undefined) throw new Error('no chunks');
        const search = async (collectionIds: ChunkSelection['collectionIds']) => {
          const selection = { collectionIds, filter: [] };
          const vector = unitVector(MODEL.dimensions, 5);
          const found = await harness.index.searchVector(scope, MODEL, vector, selection, 1_000);
          return new Set(found.map(({ chunkId }) => chunkId));
        };
        const inCollection = chunks.filter(({ collectionId }) => collectionId === wanted.collectionId);
        expect(await search([wanted.collectionId])).toEqual(new Set(inCollection.map(({ id }) => id)));
        expect(await search([])).toEqual(new Set());
        expect((await search(undefined)).size).toBe(chunks.length);
      });

      it('narrows a search and leaves its scores as they are', async () => {
        const terms = analyze('vector database');
        const all = await harness.index.searchLexical(scope, terms, EVERYTHING, 1_000);
        const filter = [{ field: 'year', gte: 2_022 }];
        const some = await harness.index.searchLexical(scope, terms, { filter }, 1_000);
        expect(some.length).toBeGreaterThan(0);
        expect(some.length).toBeLessThan(all.length);
        const scores = new Map<string, number>(all.map(({ chunkId, score }) => [chunkId, score]));
        expectSame(some, new Map(some.map(({ chunkId }) => [chunkId, scores.get(chunkId) ?? -1])));
      });

      it('fills its limit also when few chunks match', async () => {
        const filter = [{ field: 'rare', eq: true }];
        const matching = chunks.filter(({ metadata }) => matchesFilter(metadata, filter));
        const vector = unitVector(MODEL.dimensions, 6);
        const found = await harness.index.searchVector(scope, MODEL, vector, { filter }, 3);
        expect(matching.length).toBeGreaterThanOrEqual(3);
        expect(found).toHaveLength(3);
      });

      it('means by every filter what the domain means', async () => {
        const vector = unitVector(MODEL.dimensions, 8);
        const property = fc.asyncProperty(fc.array(condition(), { maxLength: 3 }), async (filter) => {
          const found = await harness.index.searchVector(scope, MODEL, vector, { filter }, 1_000);
          const lexical = await harness.index.searchLexical(scope, ['databas'], { filter }, 1_000);
          const matching = chunks.filter(({ metadata }) => matchesFilter(metadata, filter));
          expect(new Set(found.map(({ chunkId }) => chunkId))).toEqual(new Set(matching.map(({ id }) => id)));
          const withWord = matching.filter((chunk) => lexicalChunk(chunk).termFrequency('databas') > 0);
          expect(new Set(lexical.map(({ chunkId }) => chunkId))).toEqual(
            new Set(withWord.map(({ id }) => id)),
          );
        });
        await fc.assert(property, { numRuns: 150 });
      });
    });
  });
}

async function fill(
  { index, settle }: ChunkIndexHarness,
  scope: WorkspaceScope,
  chunks: readonly IndexedChunk[],
) {
  await index.upsert(scope, MODEL, chunks);
  for (const documentId of new Set(chunks.map((chunk) => chunk.documentId))) {
    await index.publish(scope, documentId, 1);
  }
  await settle();
}

const METADATA_VALUES = [
  'a',
  'A',
  'b',
  '',
  "o'x",
  '10',
  '2024-05-01',
  0,
  1,
  -1.5,
  10,
  2_023,
  true,
  false,
] as const;

function corpus(random: SeededRandom): readonly IndexedChunk[] {
  const pick = <Value>(values: readonly Value[]): Value => {
    const value = values[Math.floor(random.fraction() * values.length)];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  };
  const documentIds = Array.from({ length: 5 }, () => ids.next('doc'));
  const collectionIds = Array.from({ length: 3 }, () => ids.next('col'));
  return Array.from({ length: 60 }, (_, ordinal) => {
    const words = Array.from({ length: 1 + Math.floor(random.fraction() * 40) }, () => pick(WORDS));
    const metadata: Record<string, Metadata[string]> = {
      ...{ year: 2_019 + (ordinal % 6) },
      ...(ordinal % 10 === 0 ? { rare: true } : {}),
    };
    for (const field of ['one', 'a.b', '$x', 'na\u00efve "field"']) {
      if (random.fraction() < 0.6) metadata[field] = pick(METADATA_VALUES);
      else if (random.fraction() < 0.5) metadata[field] = [pick(METADATA_VALUES), pick(METADATA_VALUES)];
    }
    return newChunk({
      ...{ documentId: pick(documentIds), collectionId: pick(collectionIds), ordinal, metadata },
      text: words.join(' '),
      headingPath: ordinal % 3 === 0 ? ['Heading', pick(WORDS)] : [],
      vector: unitVector(MODEL.dimensions, ordinal + 1_000),
      tokenIds: Uint32Array.from(new Set([ordinal % 2, ordinal % 5, 4])),
    });
  });
}

function condition(): fc.Arbitrary<FieldCondition> {
  const scalar = fc.constantFrom(...METADATA_VALUES);
  const bound = scalar.filter((value) => typeof value !== 'boolean');
  return fc.record(
    {
      field: fc.constantFrom('one', 'a.b', '$x', 'na\u00efve "field"', 'year', 'rare', 'absent', '__proto__'),
      eq: scalar,
      gte: bound,
      lte: bound,
      in: fc.array(scalar, { maxLength: 3 }),
      exists: fc.boolean(),
    },
    { requiredKeys: ['field'] },
  );
}

function lexicalChunk({ headingPath, text }: IndexedChunk): LexicalChunk {
  const terms = analyze(indexedText(headingPath, text));
  const counts = countTerms(terms);
  return { length: terms.length, termFrequency: (term) => counts.get(term) ?? 0 };
}

function lexicalScores(chunks: readonly IndexedChunk[], query: string): ReadonlyMap<string, number> {
  const lexical = chunks.map((chunk) => [chunk.id, lexicalChunk(chunk)] as const);
  const corpusOf = {
    chunkCount: chunks.length,
    averageLength: lexical.reduce((sum, [, { length }]) => sum + length, 0) / chunks.length,
    chunkFrequency: (term: string) => lexical.filter(([, one]) => one.termFrequency(term) > 0).length,
  };
  return new Map(lexical.map(([id, one]) => [id, bm25(analyze(query), one, corpusOf)]));
}

function dot(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
}
