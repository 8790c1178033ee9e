#!/usr/bin/env node
import { Command } from 'commander';
import { ConfigError } from '../app/config.ts';
import { MultiDbError } from '../client/index.ts';
import { DomainError } from '../domain/errors.ts';
import { askCommand } from './commands/ask.ts';
import { auditLedgerCommand } from './commands/audit-ledger.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evalCommand } from './commands/eval.ts';
import { ingestCommand } from './commands/ingest.ts';
import { migrateCommand } from './commands/migrate.ts';
import { modelCommand } from './commands/model.ts';
import { roleCommand } from './commands/role.ts';
import { seedCommand } from './commands/seed.ts';
import { EXIT_CONFIG, EXIT_FAILURE, EXIT_SOFTWARE } from './exit-codes.ts';

const program = new Command('multidb')
  .description('GraphQL backend for AI chat over your own documents')
  .showHelpAfterError()
  .addCommand(roleCommand('all', 'serve, ingest and answer in one process'))
  .addCommand(roleCommand('serve', 'serve GraphQL and answer; documents are ingested by a `work` process'))
  .addCommand(roleCommand('work', 'ingest documents only'))
  .addCommand(demoCommand())
  .addCommand(ingestCommand())
  .addCommand(askCommand())
  .addCommand(evalCommand())
  .addCommand(migrateCommand())
  .addCommand(modelCommand())
  .addCommand(auditLedgerCommand())
  .addCommand(seedCommand())
  .addCommand(doctorCommand());

program.parseAsync().catch((error: unknown) => {
  const expected = error instanceof DomainError || error instanceof MultiDbError;
  process.stderr.write(
    expected ? `multidb: ${error.message}\n` : `multidb: ${error instanceof Error ? error.stack : error}\n`,
  );
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : expected ? EXIT_FAILURE : EXIT_SOFTWARE;
});
