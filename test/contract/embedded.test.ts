import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderBlobStore } from '../../src/adapters/embedded/folder-blob-store.ts';
import { ServingDatabase } from '../../src/adapters/embedded/sqlite/serving-database.ts';
import { SqliteChatLog } from '../../src/adapters/embedded/sqlite/sqlite-chat-log.ts';
import { SqliteChunkIndex } from '../../src/adapters/embedded/sqlite/sqlite-chunk-index.ts';
import { SqliteRunEventLog } from '../../src/adapters/embedded/sqlite/sqlite-run-event-log.ts';
import { TestClock } from '../support/clock.ts';
import { describeBlobStore } from './suites/blob-store.ts';
import { describeChatLog } from './suites/chat-log.ts';
import { describeChunkIndex } from './suites/chunk-index.ts';
import { describeRunEventLog } from './suites/run-event-log.ts';

const NAME = 'embedded';

/** A folder for one suite; `close` closes the store first. */
async function inFolder<Store>(
  open: (folder: string) => Store | Promise<Store>,
  close: (store: Store) => Promise<void>,
) {
  const folder = await mkdtemp(join(tmpdir(), 'multidb-contract-'));
  const store = await open(folder);
  return {
    store,
    close: async () => {
      await close(store);
      await rm(folder, { recursive: true });
    },
  };
}

function openServing() {
  return inFolder(
    (folder) => new ServingDatabase(join(folder, 'serving.sqlite')),
    (database) => database.close(),
  );
}

describeRunEventLog(NAME, async () => {
  const { store: database, close } = await openServing();
  const clock = new TestClock();
  return { clock, log: new SqliteRunEventLog({ database, clock }), close };
});
describeChatLog(NAME, async () => {
  const { store, close } = await openServing();
  return { log: new SqliteChatLog(store), close };
});
describeChunkIndex(NAME, async () => {
  const { store, close } = await inFolder(
    (folder) => new SqliteChunkIndex(join(folder, 'chunks.sqlite')),
    (index) => index.close(),
  );
  return { index: store, settle: async () => {}, close };
});
describeBlobStore(NAME, async () => {
  const { store, close } = await inFolder(
    (folder) => FolderBlobStore.open({ folder: join(folder, 'blobs'), clock: new TestClock() }),
    async () => {},
  );
  return { blobs: store, close };
});
