import { Command } from 'commander';
import { migratePostgres } from '../../adapters/postgres/migrate.ts';
import { readConfig } from '../../app/config.ts';
import { createLogger } from '../../app/logger.ts';
import { DomainError } from '../../domain/errors.ts';

/** Brings an external database up to this version; the embedded one needs no command. */
export function migrateCommand(): Command {
  return new Command('migrate').description('apply the migrations to DATABASE_URL').action(async () => {
    const config = readConfig(process.env);
    if (config.DATABASE_URL === undefined) {
      throw new DomainError(
        'BAD_USER_INPUT',
        'DATABASE_URL is not set; the embedded database migrates itself at start.',
      );
    }
    const log = createLogger({ level: config.LOG_LEVEL, production: config.production });
    const applied = await migratePostgres({ url: config.DATABASE_URL, log });
    process.stdout.write(applied.length === 0 ? 'up to date\n' : `applied ${applied.join(', ')}\n`);
  });
}
