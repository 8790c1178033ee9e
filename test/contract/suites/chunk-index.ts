import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Chunk } from '../../../src/domain/document.ts';
import type { DocumentId } from '../../../src/domain/ids.ts';
import type { ChunkSelection, IndexedChunk } from '../../../src/domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import { analyze } from '../../../src/domain/text-analyzer.ts';
import { AWKWARD_TEXT, ids, newChunk, newScope, sha256, unitVector } from '../../support/fixtures.ts';
import type { ChunkIndexHarness } from './chunk-index-harness.ts';
import { describeChunkLanguages } from './chunk-languages.ts';
import { describeChunkModels } from './chunk-models.ts';
import { describeChunkScoring } from './chunk-scoring.ts';
import { describeChunkSelectivity } from './chunk-selectivity.ts';

const MODEL = { modelId: 'model-a', dimensions: 8 };
const EVERYTHING: ChunkSelection = { filter: [] };

export function describeChunkIndex(name: string, make: () => Promise<ChunkIndexHarness>): void {
  describeChunkScoring(name, make);
  describeChunkLanguages(name, make);
  describeChunkSelectivity(name, make);
  describeChunkModels(name, make);

  describe(`ChunkIndex: ${name}`, () => {
    let harness: ChunkIndexHarness;
    let scope: WorkspaceScope;
    let documentId: DocumentId;
    beforeAll(async () => {
      harness = await make();
    });
    afterAll(() => harness.close());
    beforeEach(() => {
      scope = newScope();
      documentId = ids.next('doc');
    });

    const version = (documentVersion: number, ...texts: readonly string[]): readonly IndexedChunk[] =>
      texts.map((text, ordinal) =>
        newChunk({ documentId, documentVersion, ordinal, text, vector: unitVector(8, ordinal + 1) }),
      );
    const upsert = (chunks: readonly IndexedChunk[], model = MODEL) =>
      harness.index.upsert(scope, model, chunks);
    const publish = async (documentVersion: number, id = documentId) => {
      await harness.index.publish(scope, id, documentVersion);
      await harness.settle();
    };
    /** Texts of what a reader finds by word, by vector, by id and by score; all four must agree. */
    const visible = async (
      candidates: readonly IndexedChunk[],
      reader = scope,
    ): Promise<readonly string[]> => {
      const { index } = harness;
      const chunkIds = candidates.map(({ id }) => id);
      const vector = unitVector(8, 99);
      const [lexical, byVector, scoredLexical, scoredVector, got] = await Promise.all([
        index.searchLexical(reader, analyze('common'), EVERYTHING, 1_000),
        index.searchVector(reader, MODEL, vector, EVERYTHING, 1_000),
        index.scoreLexical(reader, analyze('common'), chunkIds),
        index.scoreVector(reader, MODEL, vector, chunkIds),
        index.get(reader, chunkIds),
      ]);
      const found = [lexical, byVector, scoredLexical, scoredVector].map((scored) =>
        scored.map(({ chunkId }) => chunkId).toSorted(),
      );
      const gotIds = got.map(({ id }) => id).toSorted();
      for (const chunkIdsFound of found) expect(chunkIdsFound).toEqual(gotIds);
      return got.map(({ text }) => text).toSorted();
    };

    describe('publish', () => {
      it('makes a version visible to every search, which before it is to none', async () => {
        const chunks = version(1, 'common one', 'common two');
        await upsert(chunks);
        await harness.settle();
        expect(await visible(chunks)).toEqual([]);
        await publish(1);
        expect(await visible(chunks)).toEqual(['common one', 'common two']);
      });

      it('puts the new version in place of its predecessors, and repeated changes nothing', async () => {
        const [old, next] = [version(1, 'common old'), version(2, 'common new', 'common newer')];
        await upsert(old);
        await publish(1);
        await upsert(next);
        await harness.settle();
        expect(await visible([...old, ...next])).toEqual(['common old']);
        await publish(2);
        await publish(2);
        expect(await visible([...old, ...next])).toEqual(['common new', 'common newer']);
        expect(await harness.index.listVersion(scope, documentId, 1)).toEqual([]);
      });

      it('of an older version takes nothing back', async () => {
        const [old, next] = [version(1, 'common old'), version(2, 'common new')];
        await upsert(next);
        await publish(2);
        await upsert(old);
        await publish(1);
        expect(await visible([...old, ...next])).toEqual(['common new']);
      });

      it('never shows a mixture, or nothing, to searches that run meanwhile', async () => {
        const texts = (word: string) => Array.from({ length: 20 }, (_, index) => `common ${word} ${index}`);
        const [old, next] = [version(1, ...texts('old')), version(2, ...texts('new'))];
        await upsert(old);
        await publish(1);
        await upsert(next);
        let done = false;
        const swapped = publish(2).finally(() => {
          done = true;
        });
        const oldIds = new Set(old.map(({ id }) => id));
        do {
          // An index of this process answers without letting its own writer run.
          await setImmediate();
          const found = await harness.index.searchLexical(scope, analyze('common'), EVERYTHING, 100);
          const oldCount = found.filter(({ chunkId }) => oldIds.has(chunkId)).length;
          expect([found.length, [0, 20].includes(oldCount)]).toEqual([20, true]);
        } while (!done);
        await swapped;
      });

      it('touches only its document', async () => {
        const mine = version(1, 'common mine');
        const theirs = [newChunk({ documentId: ids.next('doc'), text: 'common theirs' })];
        await upsert([...mine, ...theirs]);
        await publish(1);
        expect(await visible([...mine, ...theirs])).toEqual(['common mine']);
      });
    });

    describe('upsert', () => {
      it('repeated changes nothing, before and after publication', async () => {
        const chunks = version(1, 'common one', 'common two');
        await upsert(chunks);
        await upsert(chunks);
        await publish(1);
        const search = () => harness.index.searchLexical(scope, analyze('common'), EVERYTHING, 10);
        const before = await search();
        await upsert(chunks);
        await harness.settle();
        expect(await search()).toEqual(before);
        expect(await harness.index.listVersion(scope, documentId, 1)).toHaveLength(2);
      });

      it('keeps chunks as they were', async () => {
        const chunk = newChunk({
          ...{ documentId, documentVersion: 3, ordinal: 4, text: AWKWARD_TEXT, start: 7, end: 90, page: 12 },
          headingPath: ['One', AWKWARD_TEXT],
          metadata: { tag: AWKWARD_TEXT, year: 2024, ratio: 0.25, draft: false, mixed: ['a', 1, true] },
          tokenIds: Uint32Array.of(3, 70_000),
        });
        await upsert([chunk]);
        await publish(3);
        const plain = plainChunk(chunk);
        expect(await harness.index.get(scope, [chunk.id])).toEqual([plain]);
        expect(await harness.index.listVersion(scope, documentId, 3)).toEqual([plain]);
      });

      it('takes nothing and many', async () => {
        await upsert([]);
        const texts = Array.from({ length: 1_200 }, (_, index) => `common chunk ${index}`);
        await upsert(version(1, ...texts));
        await publish(1);
        const found = await harness.index.searchLexical(scope, analyze('common'), EVERYTHING, 2_000);
        expect(found).toHaveLength(1_200);
      });
    });

    describe('remove', () => {
      it('takes the whole document from the next search on', async () => {
        const chunks = [...version(1, 'common one'), ...version(2, 'common two')];
        await upsert(chunks);
        await publish(1);
        await harness.index.remove(scope, documentId);
        expect(await visible(chunks)).toEqual([]);
        await harness.index.remove(scope, documentId);
        for (const documentVersion of [1, 2]) {
          expect(await harness.index.listVersion(scope, documentId, documentVersion)).toEqual([]);
        }
        const hashes = chunks.map(({ contentHash }) => contentHash);
        expect((await harness.index.findVectors(scope, MODEL, hashes)).size).toBe(0);
      });

      it('takes one version, published or not, and leaves the others', async () => {
        const [published, waiting] = [version(1, 'common one'), version(2, 'common two')];
        await upsert([...published, ...waiting]);
        await publish(1);
        await harness.index.remove(scope, documentId, 2);
        await harness.settle();
        expect(await visible([...published, ...waiting])).toEqual(['common one']);
        expect(await harness.index.listVersion(scope, documentId, 2)).toEqual([]);
        await upsert(waiting);
        await harness.index.remove(scope, documentId, 1);
        await harness.settle();
        expect(await visible([...published, ...waiting])).toEqual([]);
        expect(await harness.index.listVersion(scope, documentId, 2)).toHaveLength(1);
      });

      it('lets the document come back', async () => {
        const chunks = version(1, 'common one');
        await upsert(chunks);
        await publish(1);
        await harness.index.remove(scope, documentId);
        await upsert(chunks);
        await harness.settle();
        expect(await visible(chunks)).toEqual([]);
        await publish(1);
        expect(await visible(chunks)).toEqual(['common one']);
      });
    });

    describe('models', () => {
      const OTHER = { modelId: 'model-b', dimensions: 8 };

      it('are never compared: a search sees vectors of its own model only', async () => {
        const [first, second] = version(1, 'common one', 'common two');
        if (first === undefined || second === undefined) throw new Error('no chunks');
        await upsert([first]);
        await upsert([second], OTHER);
        await publish(1);
        const search = async (model: typeof MODEL) =>
          (await harness.index.searchVector(scope, model, unitVector(8, 5), EVERYTHING, 10)).map(
            ({ chunkId }) => chunkId,
          );
        expect(await search(MODEL)).toEqual([first.id]);
        expect(await search(OTHER)).toEqual([second.id]);
        expect(await search({ modelId: 'model-c', dimensions: 8 })).toEqual([]);
        const scored = await harness.index.scoreVector(scope, OTHER, unitVector(8, 5), [first.id, second.id]);
        expect(scored.map(({ chunkId }) => chunkId)).toEqual([second.id]);
        const lexical = await harness.index.searchLexical(scope, analyze('common'), EVERYTHING, 10);
        expect(lexical).toHaveLength(2);
      });

      it('may each have a vector of one chunk, also of another size', async () => {
        const wide = { modelId: 'model-w', dimensions: 16 };
        const [chunk] = version(1, 'common one');
        if (chunk === undefined) throw new Error('no chunk');
        await upsert([chunk]);
        await publish(1);
        await upsert([{ ...chunk, vector: unitVector(16, 3) }], wide);
        await harness.settle();
        for (const [model, vector] of [
          [MODEL, chunk.vector],
          [wide, unitVector(16, 3)],
        ] as const) {
          const [found] = await harness.index.searchVector(scope, model, vector, EVERYTHING, 10);
          expect(found).toEqual({ chunkId: chunk.id, score: expect.closeTo(1, 2) });
        }
        const lexical = await harness.index.searchLexical(scope, analyze('common'), EVERYTHING, 10);
        expect(lexical).toHaveLength(1);
      });
    });

    describe('findVectors', () => {
      it('gives what this model computed in this workspace, published or not', async () => {
        const [published, waiting] = [version(1, 'common one'), version(2, 'common two')];
        await upsert(published);
        await publish(1);
        await upsert(waiting);
        const asked = [sha256('common one'), sha256('common two'), sha256('never seen')];
        const found = await harness.index.findVectors(scope, MODEL, asked);
        expect(new Map(found)).toEqual(
          new Map([
            [sha256('common one'), published[0]?.vector],
            [sha256('common two'), waiting[0]?.vector],
          ]),
        );
        const other = { modelId: 'model-b', dimensions: 8 };
        expect((await harness.index.findVectors(scope, other, asked)).size).toBe(0);
        expect((await harness.index.findVectors(newScope(), MODEL, asked)).size).toBe(0);
        expect((await harness.index.findVectors(scope, MODEL, [])).size).toBe(0);
      });
    });

    it('lists a version in document order', async () => {
      const chunks = version(1, 'a', 'b', 'c', 'd');
      await upsert([...chunks].reverse());
      const listed = await harness.index.listVersion(scope, documentId, 1);
      expect(listed).toEqual(chunks.map(plainChunk));
    });

    it('shows, scores, counts and changes nothing across workspaces', async () => {
      const other = newScope();
      const chunks = version(1, 'common one', 'common two').map((chunk) => ({
        ...chunk,
        tokenIds: Uint32Array.of(1),
      }));
      await upsert(chunks);
      await publish(1);
      expect(await visible(chunks, other)).toEqual([]);
      expect(await harness.index.listVersion(other, documentId, 1)).toEqual([]);
      expect(await harness.index.tokenStatistics(other, MODEL, [1])).toEqual({
        ...{ chunkCount: 0, chunkFrequencies: [0] },
      });
      await harness.index.publish(other, documentId, 9);
      await harness.index.remove(other, documentId);
      await harness.settle();
      expect(await visible(chunks)).toEqual(['common one', 'common two']);
    });

    it('keeps one document and chunk id in two workspaces apart', async () => {
      const other = newScope();
      const [chunk] = version(1, 'common mine');
      if (chunk === undefined) throw new Error('no chunk');
      await upsert([chunk]);
      await publish(1);
      await harness.index.upsert(other, MODEL, [{ ...chunk, text: 'common theirs' }]);
      await harness.index.publish(other, documentId, 1);
      await harness.settle();
      expect(await visible([chunk])).toEqual(['common mine']);
      expect(await visible([chunk], other)).toEqual(['common theirs']);
    });
  });
}

function plainChunk({ vector: _vector, tokenIds: _tokenIds, ...chunk }: IndexedChunk): Chunk {
  return chunk;
}
