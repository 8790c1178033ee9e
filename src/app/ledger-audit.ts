import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openDataFolder } from '../adapters/embedded/folder.ts';
import { PostgresUsageLedger } from '../adapters/postgres/usage-ledger.ts';
import { DomainError } from '../domain/errors.ts';
import type { LedgerAudit } from '../domain/ports/runs.ts';
import { SYSTEM_SCOPE } from '../domain/scope.ts';
import { openDatabase } from './database.ts';
import type { OpenContext } from './open-context.ts';
import { ShutdownStack } from './shutdown.ts';
import { checkExternalStores, requireFit } from './store-checks.ts';

/** Audits the ledger of DATABASE_URL, or of the data folder, also while servers are at work on it. */
export async function auditLedger(options: Omit<OpenContext, 'shutdown'>): Promise<LedgerAudit> {
  const { config, log } = options;
  const shutdown = new ShutdownStack(log);
  try {
    requireFit(await checkExternalStores(config, log, ['DATABASE_URL']), log);
    const database = await openDatabase({ ...options, shutdown }, await postgresFolder(options, shutdown));
    return await new PostgresUsageLedger(database).audit(SYSTEM_SCOPE);
  } finally {
    await shutdown.close();
  }

  async function postgresFolder(context: typeof options, stack: ShutdownStack): Promise<string> {
    const path = resolve(config.DATA_DIR);
    if (config.DATABASE_URL !== undefined) return path;
    // Opening would make a new folder, in which all is well.
    const exists = await stat(join(path, 'format')).catch(() => undefined);
    if (exists === undefined)
      throw new DomainError('BAD_USER_INPUT', `DATA_DIR: there is no data in ${path}.`);
    const folder = await openDataFolder({ path, role: 'work', log: context.log });
    stack.add('data folder', () => folder.close());
    return folder.postgresFolder;
  }
}
