import { randomBytes } from 'node:crypto';
import { newDatabase } from '../integration/mongodb/harness.ts';
import { newKeyspace } from '../integration/scylla/harness.ts';
import { startTestPostgres } from './postgres.ts';
import { findTestServer } from './servers.ts';

const SERVERS = [
  ...[findTestServer('DATABASE_URL_TEST'), findTestServer('MONGODB_URL_TEST')],
  ...[findTestServer('SCYLLA_URL_TEST'), findTestServer('REDIS_URL_TEST')],
];
export const hasFourServers = SERVERS.every(({ url }) => url !== undefined);

export const nameWithFour = (suite: string): string =>
  hasFourServers ? suite : `${suite} (needs the URLs that \`npm run servers -- start\` prints)`;

/** The settings that name the four stores, and the secret that nodes on them share. */
export interface StoreSettings {
  readonly DATABASE_URL: string;
  readonly MONGODB_URL: string;
  readonly SCYLLA_URL: string;
  readonly REDIS_URL: string;
  readonly SECRET_KEY: string;
}
export interface FourStores {
  /** Empty databases of the test's own, which nobody has migrated. Redis is shared: keys hold ids made by the test. */
  readonly settings: StoreSettings;
  drop(): Promise<void>;
}

export async function makeFourStores(): Promise<FourStores> {
  const [postgres, mongo, scylla] = await Promise.all([startTestPostgres(), newDatabase(), newKeyspace()]);
  const redis = findTestServer('REDIS_URL_TEST').url ?? '';
  return {
    settings: {
      DATABASE_URL: postgres.url,
      MONGODB_URL: mongo.url,
      SCYLLA_URL: scylla.url,
      REDIS_URL: redis,
      SECRET_KEY: randomBytes(32).toString('base64'),
    },
    drop: async () => {
      await Promise.all([postgres.close(), mongo.drop(), scylla.drop()]);
    },
  };
}
