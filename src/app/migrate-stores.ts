import type { Log } from '../domain/ports/system.ts';
import { type Config, ConfigError } from './config.ts';
import { checkExternalStores, requireMigratable } from './store-checks.ts';

export interface StoreMigration {
  readonly setting: 'DATABASE_URL' | 'MONGODB_URL' | 'SCYLLA_URL' | 'REDIS_URL';
  /** Names of what was changed. */
  readonly changes: readonly string[];
}

/**
 * Brings the external stores up to this version, one after the other. All are looked at first: what stands in the way
 * in one of them changes none. Any number of processes may do it at once.
 */
export async function migrateStores(config: Config, log: Log): Promise<readonly StoreMigration[]> {
  const { DATABASE_URL, MONGODB_URL, SCYLLA_URL, REDIS_URL } = config;
  if (!DATABASE_URL && !MONGODB_URL && !SCYLLA_URL && !REDIS_URL) {
    throw new ConfigError(['No URL of an external store is set; embedded stores migrate at start.']);
  }
  requireMigratable(await checkExternalStores(config, log));
  const migrations: StoreMigration[] = [];
  const done = (setting: StoreMigration['setting'], changes: readonly string[]) =>
    migrations.push({ setting, changes });
  // Each driver is loaded only when its store is meant.
  if (DATABASE_URL !== undefined) {
    const { migratePostgres } = await import('../adapters/postgres/migrate.ts');
    done('DATABASE_URL', await migratePostgres({ url: DATABASE_URL, log }));
  }
  if (MONGODB_URL !== undefined) {
    const { migrateMongo } = await import('../adapters/mongodb/migrate-mongo.ts');
    done('MONGODB_URL', await migrateMongo({ url: MONGODB_URL, log }));
  }
  if (SCYLLA_URL !== undefined) {
    const { migrateScylla } = await import('../adapters/scylla/migrate-scylla.ts');
    done('SCYLLA_URL', await migrateScylla({ url: SCYLLA_URL, log }));
  }
  // Its keys need no definition; the check has tried the commands that they need.
  if (REDIS_URL !== undefined) done('REDIS_URL', []);
  return migrations;
}
