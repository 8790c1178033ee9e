import { afterAll, beforeAll, describe, it } from 'vitest';
import { type MongoStores, openMongoStores } from '../../../src/adapters/mongodb/open-mongo-stores.ts';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { ScriptedEmbeddings } from '../../support/scripted-embeddings.ts';
import { startTestSystem, type TestSystem } from '../../support/system.ts';
import { nameOf, newMigratedDatabase, serverUrl, silentLog, type TestDatabase } from '../mongodb/harness.ts';
import { exercise, SETTINGS } from './exercise.ts';

describe.skipIf(serverUrl === undefined)(nameOf('a new embedding model in MongoDB'), () => {
  let embeddings: ScriptedEmbeddings;
  let database: TestDatabase;
  let stores: MongoStores;
  let system: TestSystem;
  beforeAll(async () => {
    embeddings = await ScriptedEmbeddings.start(2);
    database = await newMigratedDatabase();
    stores = await openMongoStores({ url: database.url, log: silentLog, clock: new SystemClock() });
    system = await startTestSystem({
      ...{ ...SETTINGS, EMBEDDING_BASE_URL: embeddings.url, MONGODB_URL: database.url },
    });
  }, 120_000);
  afterAll(async () => {
    await system?.close();
    await stores?.close();
    await database?.drop();
    await embeddings?.close();
  });

  it(
    'goes live under load, back and live again, and no search fails or misses a document',
    { timeout: 900_000 },
    () => exercise(system, async () => stores.chunkIndex),
  );
});
