import { Command } from 'commander';
import { readConfig } from '../../app/config.ts';
import { createLogger } from '../../app/logger.ts';
import { migrateStores } from '../../app/migrate-stores.ts';

/** Brings the external stores up to this version; the embedded ones need no command. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description(
      'bring the stores whose URLs are set up to this version; from any number of processes at once',
    )
    .action(async () => {
      const config = readConfig(process.env);
      const log = createLogger({ level: config.LOG_LEVEL, production: config.production });
      for (const { setting, changes } of await migrateStores(config, log)) {
        process.stdout.write(`${setting}: ${changes.length === 0 ? 'up to date' : changes.join(', ')}\n`);
      }
    });
}
