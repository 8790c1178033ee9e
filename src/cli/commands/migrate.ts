import { Command } from 'commander';
import { type Config, readConfig } from '../../app/config.ts';
import { createLogger } from '../../app/logger.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Log } from '../../domain/ports/system.ts';

/** Brings the external stores up to this version; the embedded ones need no command. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring the stores of DATABASE_URL, MONGODB_URL and SCYLLA_URL up to this version')
    .action(async () => {
      const config = readConfig(process.env);
      const log = createLogger({ level: config.LOG_LEVEL, production: config.production });
      const migrations = migrationsOf(config, log);
      if (migrations.length === 0) {
        throw new DomainError(
          'BAD_USER_INPUT',
          'No URL of an external store is set; embedded stores migrate at start.',
        );
      }
      for (const { setting, migrate } of migrations) {
        const changes = await migrate();
        process.stdout.write(`${setting}: ${changes.length === 0 ? 'up to date' : changes.join(', ')}\n`);
      }
    });
}

interface Migration {
  readonly setting: string;
  /** Names of what was changed. */
  readonly migrate: () => Promise<readonly string[]>;
}

/** Each driver is loaded only when its store is meant. */
function migrationsOf(config: Config, log: Log): Migration[] {
  const { DATABASE_URL, MONGODB_URL, SCYLLA_URL } = config;
  const all = [
    {
      setting: 'DATABASE_URL',
      url: DATABASE_URL,
      run: async (url: string) =>
        (await import('../../adapters/postgres/migrate.ts')).migratePostgres({ url, log }),
    },
    {
      setting: 'MONGODB_URL',
      url: MONGODB_URL,
      run: async (url: string) =>
        (await import('../../adapters/mongodb/migrate-mongo.ts')).migrateMongo({ url, log }),
    },
    {
      setting: 'SCYLLA_URL',
      url: SCYLLA_URL,
      run: async (url: string) =>
        (await import('../../adapters/scylla/migrate-scylla.ts')).migrateScylla({ url, log }),
    },
  ];
  return all.flatMap(({ setting, url, run }) =>
    url === undefined ? [] : [{ setting, migrate: () => run(url) }],
  );
}
