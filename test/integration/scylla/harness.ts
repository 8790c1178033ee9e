import { randomBytes } from 'node:crypto';
import { Client } from 'cassandra-driver';
import { migrateScylla } from '../../../src/adapters/scylla/migrate-scylla.ts';
import { parseScyllaUrl } from '../../../src/adapters/scylla/scylla-url.ts';
import type { Log } from '../../../src/domain/ports/system.ts';

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Of a server whose user may make keyspaces; each suite makes one of its own there. */
export const { SCYLLA_URL_TEST: serverUrl } = process.env;
const NO_SERVER =
  'needs SCYLLA_URL_TEST, a ScyllaDB or Cassandra 5 server: `npm run servers -- start` prints its URL';

/** A suite's name; without a server, with the reason why it is left out. */
export const nameOf = (suite: string): string =>
  serverUrl === undefined ? `${suite} (${NO_SERVER})` : suite;

export interface TestKeyspace {
  /** Of a keyspace that does not exist yet. */
  readonly url: string;
  readonly name: string;
  /** A client of the server, outside any keyspace. */
  readonly admin: Client;
  drop(): Promise<void>;
}

export async function newKeyspace(): Promise<TestKeyspace> {
  if (serverUrl === undefined) throw new Error(NO_SERVER);
  const name = `test_${randomBytes(8).toString('hex')}`;
  const url = serverUrl.replace(/^(scylla:\/\/[^/]+)\/[^/?]*/, `$1/${name}`);
  const { contactPoints, dataCentre, credentials } = parseScyllaUrl(url);
  const admin = new Client({
    contactPoints: [...contactPoints],
    localDataCenter: dataCentre,
    ...(credentials === undefined ? {} : { credentials }),
    // Dropping a keyspace waits for its files.
    socketOptions: { readTimeout: 60_000 },
  });
  await admin.connect();
  const drop = async () => {
    await admin.execute(`DROP KEYSPACE IF EXISTS ${name}`);
    await admin.shutdown();
  };
  return { url, name, admin, drop };
}

/** A keyspace with the tables of this version. */
export async function newMigratedKeyspace(): Promise<TestKeyspace> {
  const keyspace = await newKeyspace();
  await migrateScylla({ url: keyspace.url, log: silentLog });
  return keyspace;
}
