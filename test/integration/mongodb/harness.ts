import { randomBytes } from 'node:crypto';
import { migrateMongo } from '../../../src/adapters/mongodb/migrate-mongo.ts';
import { MongoConnection } from '../../../src/adapters/mongodb/mongo-connection.ts';
import type { Log } from '../../../src/domain/ports/system.ts';

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Of a server with `$vectorSearch` whose user may make databases; each suite makes one of its own there. */
export const { MONGODB_URL_TEST: serverUrl } = process.env;
const NO_SERVER =
  'needs MONGODB_URL_TEST, a MongoDB server with $vectorSearch: `npm run servers -- start` prints its URL';

/** A suite's name; without a server, with the reason why it is left out. */
export const nameOf = (suite: string): string =>
  serverUrl === undefined ? `${suite} (${NO_SERVER})` : suite;

export interface TestDatabase {
  readonly url: string;
  /** Of the test's own, beside whatever is tested. */
  readonly connection: MongoConnection;
  drop(): Promise<void>;
}

/** `suffix`: the test server takes `_without_search` and `_without_mongot` for databases that lack them. */
export async function newDatabase(suffix = ''): Promise<TestDatabase> {
  if (serverUrl === undefined) throw new Error(NO_SERVER);
  const name = `test_${randomBytes(8).toString('hex')}${suffix}`;
  const url = serverUrl.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?/, `$1/${name}`);
  const connection = await MongoConnection.open({ url, log: silentLog, poolSizeMax: 2 });
  const drop = async () => {
    await connection.database.dropDatabase();
    await connection.close();
  };
  return { url, connection, drop };
}

/** A database with the collections and indexes of this version. */
export async function newMigratedDatabase(suffix = ''): Promise<TestDatabase> {
  const database = await newDatabase(suffix);
  await migrateMongo({ url: database.url, log: silentLog });
  return database;
}
