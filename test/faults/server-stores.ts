import { randomBytes } from 'node:crypto';
import { Client } from 'cassandra-driver';
import mongoose from 'mongoose';
import pg from 'pg';
import { parseScyllaUrl } from '../../src/adapters/scylla/scylla-url.ts';
import { runCli } from '../support/server-process.ts';

export const STORES = ['DATABASE_URL', 'MONGODB_URL', 'SCYLLA_URL', 'REDIS_URL'] as const;
export type StoreName = (typeof STORES)[number];
export type ServerUrls = Readonly<Record<StoreName, string>>;

/** The servers of the `*_TEST` variables, if all four are set. */
export function findServers(environment: NodeJS.ProcessEnv): ServerUrls | undefined {
  const urls = STORES.map((name) => [name, environment[`${name}_TEST`]] as const);
  if (urls.some(([, url]) => !url)) return undefined;
  return Object.fromEntries(urls) as ServerUrls;
}

/** A database of its own on each server, migrated and, at the end, dropped. Redis is shared: run ids never repeat. */
export class ChaosStores {
  readonly urls: ServerUrls;
  readonly #servers: ServerUrls;
  readonly #name: string;

  private constructor(servers: ServerUrls, name: string) {
    this.#servers = servers;
    this.#name = name;
    this.urls = {
      DATABASE_URL: withDatabase(servers.DATABASE_URL, name),
      MONGODB_URL: withDatabase(servers.MONGODB_URL, name),
      SCYLLA_URL: servers.SCYLLA_URL.replace(/^(scylla:\/\/[^/]+)\/[^/?]*/, `$1/${name}`),
      REDIS_URL: servers.REDIS_URL,
    };
  }

  static async create(servers: ServerUrls): Promise<ChaosStores> {
    const stores = new ChaosStores(servers, `chaos_${randomBytes(6).toString('hex')}`);
    await stores.#administrate(`CREATE DATABASE ${stores.#name}`);
    const migrated = await runCli(['migrate'], stores.urls);
    if (migrated.code !== 0) throw new Error(`migrate failed: ${migrated.stdout}${migrated.stderr}`);
    return stores;
  }

  async drop(): Promise<void> {
    await this.#administrate(`DROP DATABASE ${this.#name} WITH (FORCE)`);
    const mongo = await mongoose.createConnection(this.urls.MONGODB_URL).asPromise();
    await mongo.dropDatabase();
    await mongo.close();
    const { contactPoints, dataCentre, credentials } = parseScyllaUrl(this.urls.SCYLLA_URL);
    const scylla = new Client({
      contactPoints: [...contactPoints],
      localDataCenter: dataCentre,
      ...(credentials && { credentials }),
      // Dropping a keyspace waits for its files.
      socketOptions: { readTimeout: 60_000 },
    });
    await scylla.execute(`DROP KEYSPACE IF EXISTS ${this.#name}`);
    await scylla.shutdown();
  }

  async #administrate(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.#servers.DATABASE_URL });
    await client.connect();
    await client.query(statement);
    await client.end();
  }
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
