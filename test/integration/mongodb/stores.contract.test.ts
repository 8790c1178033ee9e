import { describe, it } from 'vitest';
import { openMongoStores } from '../../../src/adapters/mongodb/open-mongo-stores.ts';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { describeBlobStore } from '../../contract/suites/blob-store.ts';
import { describeChunkIndex } from '../../contract/suites/chunk-index.ts';
import { nameOf, newMigratedDatabase, serverUrl, silentLog } from './harness.ts';

const open = async (suffix?: string) => {
  const database = await newMigratedDatabase(suffix);
  const stores = await openMongoStores({ url: database.url, log: silentLog, clock: new SystemClock() });
  const close = async () => {
    await stores.close();
    await database.drop();
  };
  return { ...stores, close };
};
const chunkIndex = (suffix?: string) => async () => {
  const { chunkIndex: index, close } = await open(suffix);
  // A version is published when it is whole in every index, and what is removed is gone from the collection at once.
  return { index, close, settle: async () => {} };
};

if (serverUrl === undefined) {
  for (const suite of ['ChunkIndex: MongoDB', 'BlobStore: MongoDB']) {
    describe.skip(nameOf(suite), () => {
      it('keeps the contract', () => {});
    });
  }
} else {
  describeChunkIndex('MongoDB, words by $search', chunkIndex());
  describeChunkIndex('MongoDB, words by its term index', chunkIndex('_without_search'));
  describeBlobStore('MongoDB', () => open());
}
