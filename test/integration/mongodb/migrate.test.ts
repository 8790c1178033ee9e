import { describe, expect, it, onTestFinished } from 'vitest';
import {
  CHUNK_COLLECTION,
  LEXICAL_SEARCH_INDEX,
  PLAIN_INDEXES,
  tokenIndexOf,
  vectorIndexOf,
} from '../../../src/adapters/mongodb/index-definitions.ts';
import { inspectMongo } from '../../../src/adapters/mongodb/inspect-mongo.ts';
import { migrateMongo, mongoMigrationStatus } from '../../../src/adapters/mongodb/migrate-mongo.ts';
import { openMongoStores } from '../../../src/adapters/mongodb/open-mongo-stores.ts';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { freePort } from '../../support/free-port.ts';
import { nameOf, newDatabase, serverUrl, silentLog } from './harness.ts';

const MODEL = { modelId: 'vendor/model.v1', dimensions: 8 };
const EVERYTHING = [
  ...PLAIN_INDEXES.map(({ name }) => name),
  tokenIndexOf(MODEL).name,
  LEXICAL_SEARCH_INDEX.name,
  vectorIndexOf(MODEL).name,
];

describe.skipIf(serverUrl === undefined)(nameOf('migrating MongoDB'), () => {
  const database = async (suffix?: string) => {
    const made = await newDatabase(suffix);
    onTestFinished(() => made.drop());
    const options = { url: made.url, log: silentLog, models: [MODEL] };
    return { ...made, options, chunks: made.connection.database.collection(CHUNK_COLLECTION) };
  };
  const open = (url: string, log = silentLog) =>
    openMongoStores({ url, log, clock: new SystemClock(), models: [MODEL], operationTimeoutMs: 2_000 });

  it('creates what is missing, says so before, and finds nothing to do after', async () => {
    const { options, url } = await database();
    const before = await mongoMigrationStatus(options);
    expect(before.map(({ name, state }) => [name, state])).toEqual(
      EVERYTHING.map((name) => [name, 'missing']),
    );
    expect(await migrateMongo(options)).toEqual(EVERYTHING);
    expect(await mongoMigrationStatus(options)).toEqual([]);
    expect(await migrateMongo(options)).toEqual([]);
    const stores = await open(url);
    await stores.health(AbortSignal.timeout(5_000));
    await stores.close();
  });

  it('works from several processes at once', async () => {
    const { options, chunks } = await database();
    await Promise.all(Array.from({ length: 4 }, () => migrateMongo(options)));
    expect(await mongoMigrationStatus(options)).toEqual([]);
    expect(await chunks.listSearchIndexes().toArray()).toHaveLength(2);
  });

  it('refuses a plain index over other fields, and changes nothing', async () => {
    const { options, chunks } = await database();
    await chunks.createIndex({ workspaceId: 1, text: 1 }, { name: 'terms' });
    const refusal = {
      code: 'CONFLICT',
      message: expect.stringMatching(/"terms" is over \{"workspaceId":1,"text":1\}, needed is .*"terms":1/),
    };
    await expect(migrateMongo(options)).rejects.toMatchObject(refusal);
    expect(await chunks.listSearchIndexes().toArray()).toEqual([]);
    expect((await chunks.listIndexes().toArray()).map(({ name }) => name)).toEqual(['_id_', 'terms']);
  });

  it('brings a search index of another definition to ours, and says what differed', async () => {
    const { options, chunks, url } = await database();
    await migrateMongo(options);
    const { name, definition } = vectorIndexOf({ ...MODEL, dimensions: 16 });
    const ours = vectorIndexOf(MODEL).name;
    await chunks.updateSearchIndex(ours, definition);
    expect(name).not.toBe(ours);
    const [difference] = await mongoMigrationStatus(options);
    expect(difference).toMatchObject({ name: ours, state: 'other' });
    expect(difference?.message).toBe(
      `The vector index "${ours}" has 16 dimensions and its embedding model 8.`,
    );
    expect((await inspectMongo({ url, timeoutMs: 5_000, log: silentLog })).findings).toEqual([
      {
        ...{ level: 'problem', kind: 'migration' },
        message: `${difference?.message} Run \`multidb migrate\` first.`,
      },
    ]);
    await expect(open(url)).rejects.toMatchObject({ message: expect.stringContaining('multidb migrate') });
    expect(await migrateMongo(options)).toEqual([ours]);
    expect(await mongoMigrationStatus(options)).toEqual([]);
  });

  it('comes before opening', async () => {
    const { url } = await database();
    await expect(open(url)).rejects.toMatchObject({
      ...{ code: 'STORE_UNAVAILABLE', retryable: false },
      message: expect.stringMatching(/^MONGODB_URL: The index "version" is missing\..*`multidb migrate`/),
    });
  });

  it('says what is needed where the server has no $vectorSearch', async () => {
    const { url, options } = await database('_without_mongot');
    const refusal = {
      ...{ code: 'STORE_UNAVAILABLE', retryable: false },
      message: expect.stringMatching(
        /^MONGODB_URL: the server has no \$vectorSearch\. Needed is MongoDB Atlas/,
      ),
    };
    await expect(migrateMongo(options)).rejects.toMatchObject(refusal);
    await expect(open(url)).rejects.toMatchObject(refusal);
  });

  it('leaves the index of $search out where the server has none, and opening says so', async () => {
    const { url, options } = await database('_without_search');
    expect(await migrateMongo(options)).not.toContain(LEXICAL_SEARCH_INDEX.name);
    const warnings: string[] = [];
    const stores = await open(url, { ...silentLog, warn: (_fields, message) => warnings.push(message) });
    await stores.close();
    expect(warnings).toEqual([expect.stringContaining('no $search')]);
  });

  it.each(['mongodb://', 'mongodb://host:port/x', 'mongodb://host/x?pool=many'])(
    'refuses the URL %s by name',
    async (url) => {
      await expect(open(url)).rejects.toMatchObject({
        ...{ code: 'BAD_USER_INPUT', message: expect.stringContaining('MONGODB_URL') },
      });
    },
  );

  it('says that nobody answers', async () => {
    await expect(open(`mongodb://127.0.0.1:${await freePort()}/x`)).rejects.toMatchObject({
      ...{ code: 'STORE_UNAVAILABLE', retryable: true },
    });
  });
});
