import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MongoStores, openMongoStores } from '../../../src/adapters/mongodb/open-mongo-stores.ts';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { bm25, countTerms } from '../../../src/domain/bm25.ts';
import { ids, newChunk, newScope, unitVector } from '../../support/fixtures.ts';
import { SeededRandom } from '../../support/random.ts';
import { nameOf, newMigratedDatabase, serverUrl, silentLog, type TestDatabase } from './harness.ts';

const MODEL = { modelId: 'model-a', dimensions: 8 };
const ALL = { filter: [] };

describe.skipIf(serverUrl === undefined)(nameOf('the chunk index in MongoDB'), () => {
  let database: TestDatabase;
  let stores: MongoStores;
  beforeAll(async () => {
    database = await newMigratedDatabase('_without_search');
    stores = await openMongoStores({ url: database.url, log: silentLog, clock: new SystemClock() });
  });
  afterAll(async () => {
    await stores.close();
    await database.drop();
  });
  const workspace = (id: string) =>
    database.connection.database
      .collection<{ _id: string; hidden?: object }>('workspaces')
      .findOne({ _id: id });

  it('ranks exactly also where some words are too common to be looked up', async () => {
    const random = new SeededRandom(5);
    const documentId = ids.next('doc');
    const shares = [1, 0.9, 0.5, 0.2, 0.01, 0.002];
    const texts = Array.from({ length: 2_500 }, () =>
      shares.flatMap((share, index) =>
        random.fraction() < share
          ? Array<string>(1 + Math.floor(random.fraction() * 3)).fill(`word${index}`)
          : [],
      ),
    );
    const scope = newScope();
    const vector = unitVector(8, 1);
    const chunks = texts.map((words, ordinal) =>
      newChunk({ documentId, ordinal, text: words.join(' '), vector }),
    );
    await stores.chunkIndex.upsert(scope, MODEL, chunks);
    await stores.chunkIndex.publish(scope, documentId, 1);
    const counts = texts.map(countTerms);
    const frequencies = countTerms(counts.flatMap((counted) => [...counted.keys()]));
    const corpus = {
      chunkCount: texts.length,
      averageLength: texts.flat().length / texts.length,
      chunkFrequency: (term: string) => frequencies.get(term) ?? 0,
    };
    const all = shares.map((_, index) => `word${index}`);
    for (const terms of [all, all.slice(0, 2), all.slice(3), ['word0'], ['word5', 'word0'], ['x', 'word4']]) {
      const scores = counts.map((counted, index) =>
        bm25(
          terms,
          { length: texts[index]?.length ?? 0, termFrequency: (term) => counted.get(term) ?? 0 },
          corpus,
        ),
      );
      const wanted = scores.filter((score) => score > 0).toSorted((left, right) => right - left);
      for (const limit of [1, 10, 3_000]) {
        const found = await stores.chunkIndex.searchLexical(scope, terms, ALL, limit);
        expect(found.map(({ score }) => score)).toEqual(wanted.slice(0, limit));
      }
    }
  });

  it('finishes, when it is repeated, a publication that died after the swap', async () => {
    const scope = newScope();
    const documentId = ids.next('doc');
    const [old, next] = [1, 2].map((documentVersion) =>
      newChunk({ documentId, documentVersion, text: `common ${documentVersion}` }),
    );
    if (old === undefined || next === undefined) throw new Error('no chunks');
    await stores.chunkIndex.upsert(scope, MODEL, [next]);
    await stores.chunkIndex.publish(scope, documentId, 2);
    // What stands then: the predecessor's chunks, hidden.
    await stores.chunkIndex.upsert(scope, MODEL, [old]);
    expect((await workspace(scope.workspaceId))?.hidden).toEqual({ [documentId]: [1] });
    await stores.chunkIndex.publish(scope, documentId, 2);
    expect(await stores.chunkIndex.listVersion(scope, documentId, 1)).toEqual([]);
    expect((await workspace(scope.workspaceId))?.hidden).toEqual({});
    expect(await stores.chunkIndex.get(scope, [old.id, next.id])).toHaveLength(1);
  });

  it('keeps nothing of a removed document', async () => {
    const scope = newScope();
    const chunk = newChunk({ documentId: ids.next('doc'), text: 'common secret' });
    await stores.chunkIndex.upsert(scope, MODEL, [chunk]);
    await stores.chunkIndex.publish(scope, chunk.documentId, chunk.documentVersion);
    await stores.chunkIndex.remove(scope, chunk.documentId);
    for (const name of ['chunks', 'documents']) {
      const rows = await database.connection.database.collection(name).find({}).toArray();
      expect(JSON.stringify(rows)).not.toContain(scope.workspaceId);
    }
    const state = await workspace(scope.workspaceId);
    expect(state).toMatchObject({ chunkCount: 0, termCount: 0, hidden: {} });
  });

  it('counts right after many documents were published at once', async () => {
    const scope = newScope();
    const chunks = Array.from({ length: 12 }, () =>
      newChunk({ documentId: ids.next('doc'), text: 'one two' }),
    );
    await Promise.all(
      chunks.map(async (chunk) => {
        await stores.chunkIndex.upsert(scope, MODEL, [chunk]);
        await stores.chunkIndex.publish(scope, chunk.documentId, chunk.documentVersion);
      }),
    );
    expect(await workspace(scope.workspaceId)).toMatchObject({ chunkCount: 12, termCount: 24, hidden: {} });
  });
});
