import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CollectionId, DocumentId } from '../../../src/domain/ids.ts';
import type { ChunkVector, EmbeddingModelRef, IndexedChunk } from '../../../src/domain/ports/chunk-index.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import { analyze } from '../../../src/domain/text-analyzer.ts';
import { ids, newChunk, newScope, sha256, unitVector } from '../../support/fixtures.ts';
import type { ChunkIndexHarness } from './chunk-index-harness.ts';

const OLD = { modelId: 'model-a', dimensions: 8 };
const NEW = { modelId: 'vendor/model-b.2', dimensions: 16 };
/** The same name with another size is another model. */
const NEW_SMALL = { ...NEW, dimensions: 8 };
const signal = new AbortController().signal;

/** A second model's vectors beside the first's: how a collection changes its model while it is searched. */
export function describeChunkModels(name: string, make: () => Promise<ChunkIndexHarness>): void {
  describe(`ChunkIndex, models of a collection: ${name}`, () => {
    let harness: ChunkIndexHarness;
    let scope: WorkspaceScope;
    let collectionId: CollectionId;
    let documentId: DocumentId;
    beforeAll(async () => {
      harness = await make();
      await harness.index.prepareModel(newScope(), NEW, signal);
    });
    afterAll(() => harness.close());
    beforeEach(() => {
      scope = newScope();
      collectionId = ids.next('col');
      documentId = ids.next('doc');
    });

    const store = async (texts: readonly string[], spec: Partial<IndexedChunk> = {}) => {
      const chunks = texts.map((text, ordinal) =>
        newChunk({
          ...{ documentId, collectionId, ordinal, text, contentHash: sha256(text) },
          ...{ vector: unitVector(8, ordinal + 1), tokenIds: Uint32Array.of(ordinal, 99), ...spec },
        }),
      );
      await harness.index.upsert(scope, OLD, chunks);
      return chunks;
    };
    const publish = async (version = 1, id = documentId) => {
      await harness.index.publish(scope, id, version);
      await harness.settle();
    };
    const vectorsOf = (chunks: readonly IndexedChunk[], dimensions = 16): ChunkVector[] =>
      chunks.map(({ id: chunkId, contentHash, ordinal }) => ({
        ...{ chunkId, contentHash, vector: unitVector(dimensions, 50 + ordinal) },
        tokenIds: Uint32Array.of(ordinal, 77),
      }));
    const unembedded = async (model: EmbeddingModelRef, request = {}, reader = scope) => {
      const found = await harness.index.listUnembedded(reader, model, {
        ...{ of: { collectionId }, limit: 100, ...request },
      });
      return found.map(({ id }) => id);
    };
    const found = async (model: EmbeddingModelRef, reader = scope) => {
      const vector = unitVector(model.dimensions, 3);
      const hits = await harness.index.searchVector(reader, model, vector, { filter: [] }, 100);
      return hits.map(({ chunkId }) => chunkId).toSorted();
    };
    /** Search indexes follow a change of a published chunk after a while. */
    const eventuallyFound = (model: EmbeddingModelRef, chunks: readonly IndexedChunk[]) =>
      expect.poll(() => found(model), { timeout: 30_000 }).toEqual(idsOf(chunks));

    it('lists and counts what has no vector of a model, in the order of ids, in parts', async () => {
      const chunks = await store(['common one', 'common two', 'common three']);
      await publish();
      const order = idsOf(chunks);
      expect(await unembedded(OLD)).toEqual([]);
      expect(await unembedded(NEW)).toEqual(order);
      expect(await unembedded(NEW, { limit: 2 })).toEqual(order.slice(0, 2));
      expect(await unembedded(NEW, { after: order[1] })).toEqual(order.slice(2));
      expect(await harness.index.countEmbedded(scope, NEW, collectionId)).toEqual({
        ...{ chunkCount: 3, embeddedCount: 0 },
      });
      expect(await harness.index.countEmbedded(scope, OLD, collectionId)).toEqual({
        ...{ chunkCount: 3, embeddedCount: 3 },
      });
      const [whole] = await harness.index.listUnembedded(scope, NEW, { of: { collectionId }, limit: 1 });
      const {
        vector: _vector,
        tokenIds: _tokenIds,
        ...stored
      } = chunks.find(({ id }) => id === order[0]) ?? {};
      expect(whole).toEqual(stored);
    });

    it('adds vectors of a model: found by it from then on, and by the other one as before', async () => {
      const chunks = await store(['common one', 'common two']);
      await publish();
      await harness.index.putVectors(scope, NEW, vectorsOf(chunks));
      await harness.index.putVectors(scope, NEW, vectorsOf(chunks));
      await eventuallyFound(NEW, chunks);
      expect(await found(OLD)).toEqual(idsOf(chunks));
      expect(await unembedded(NEW)).toEqual([]);
      expect(await unembedded(NEW_SMALL)).toEqual(idsOf(chunks));
      const statistics = (model: EmbeddingModelRef) =>
        harness.index.tokenStatistics(scope, model, [0, 77, 99]);
      expect(await statistics(NEW)).toEqual({ chunkCount: 2, chunkFrequencies: [1, 2, 0] });
      expect(await statistics(OLD)).toEqual({ chunkCount: 2, chunkFrequencies: [1, 0, 2] });
      const lexical = await harness.index.searchLexical(scope, analyze('common'), { filter: [] }, 10);
      expect(lexical).toHaveLength(2);
      const known = await harness.index.findVectors(scope, NEW, [sha256('common one')]);
      expect(known.get(sha256('common one'))).toEqual(unitVector(16, 50));
    });

    it('brings nothing back to life, and puts no vector on another text', async () => {
      const chunks = await store(['common gone', 'common gone too']);
      await publish();
      await harness.index.remove(scope, documentId);
      await harness.index.putVectors(scope, NEW, vectorsOf(chunks));
      expect(await harness.index.listVersion(scope, documentId, 1)).toEqual([]);
      const other = ids.next('doc');
      const [kept] = await store(['common kept'], { documentId: other });
      await publish(1, other);
      const [vector] = vectorsOf([kept as IndexedChunk]);
      await harness.index.putVectors(scope, NEW, [
        { ...(vector as ChunkVector), contentHash: sha256('another') },
      ]);
      expect(await unembedded(NEW)).toEqual([kept?.id]);
    });

    it('takes unpublished chunks along, and lists them only once they are published', async () => {
      const chunks = await store(['common waiting']);
      expect(await unembedded(NEW)).toEqual([]);
      await harness.index.putVectors(scope, NEW, vectorsOf(chunks));
      expect(await found(NEW)).toEqual([]);
      await publish();
      expect(await unembedded(NEW)).toEqual([]);
      await eventuallyFound(NEW, chunks);
      expect(await harness.index.tokenStatistics(scope, NEW, [77])).toEqual({
        ...{ chunkCount: 1, chunkFrequencies: [1] },
      });
    });

    it('lists what one version of a document lacks, published or not', async () => {
      const old = await store(['common old', 'common older']);
      await publish();
      const next = await store(['common new', 'common newer'], { documentVersion: 2 });
      await harness.index.putVectors(scope, NEW, vectorsOf(next.slice(0, 1)));
      const of = (version: number) => ({ of: { documentId, version } });
      expect(await unembedded(NEW, of(2))).toEqual(idsOf(next.slice(1)));
      expect(await unembedded(NEW, of(1))).toEqual(idsOf(old));
      expect(await unembedded(OLD, of(2))).toEqual([]);
      expect(await unembedded(NEW, of(2), newScope())).toEqual([]);
    });

    it('drops a model from one collection and leaves the rest as it was', async () => {
      const chunks = await store(['common one', 'common two']);
      await publish();
      const [other, otherCollection] = [ids.next('doc'), ids.next('col')];
      const others = await store(['common other'], { documentId: other, collectionId: otherCollection });
      await publish(1, other);
      await harness.index.putVectors(scope, NEW, vectorsOf([...chunks, ...others]));
      await eventuallyFound(NEW, [...chunks, ...others]);
      await harness.index.dropModel(scope, NEW, collectionId);
      await harness.index.dropModel(scope, NEW, collectionId);
      await eventuallyFound(NEW, others);
      expect(await found(OLD)).toEqual(idsOf([...chunks, ...others]));
      expect(await unembedded(NEW)).toEqual(idsOf(chunks));
      expect(await harness.index.tokenStatistics(scope, NEW, [77, 1])).toEqual({
        ...{ chunkCount: 1, chunkFrequencies: [1, 0] },
      });
      await harness.index.putVectors(scope, NEW, vectorsOf(chunks));
      await eventuallyFound(NEW, [...chunks, ...others]);
    });

    it('does all of it inside the workspace', async () => {
      const chunks = await store(['common one']);
      await publish();
      const stranger = newScope();
      expect(await unembedded(NEW, {}, stranger)).toEqual([]);
      expect(await harness.index.countEmbedded(stranger, OLD, collectionId)).toEqual({
        ...{ chunkCount: 0, embeddedCount: 0 },
      });
      await harness.index.putVectors(stranger, NEW, vectorsOf(chunks));
      expect(await unembedded(NEW)).toEqual(idsOf(chunks));
      await harness.index.dropModel(stranger, OLD, collectionId);
      expect(await found(OLD)).toEqual(idsOf(chunks));
    });
  });
}

function idsOf(chunks: readonly IndexedChunk[]): string[] {
  return chunks.map(({ id }) => id).toSorted();
}
