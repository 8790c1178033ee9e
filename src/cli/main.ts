#!/usr/bin/env node
import { Command } from 'commander';
import { ConfigError } from '../app/config.ts';
import { MultiDbError } from '../client/index.ts';
import { DomainError } from '../domain/errors.ts';
import { askCommand } from './commands/ask.ts';
import { auditLedgerCommand } from './commands/audit-ledger.ts';
import { demoCommand } from './commands/demo.ts';
import { evalCommand } from './commands/eval.ts';
import { migrateCommand } from './commands/migrate.ts';
import { roleCommand } from './commands/role.ts';

/** sysexits.h: EX_CONFIG, EX_SOFTWARE and the shell's plain failure. */
const EXIT_CONFIG = 78;
const EXIT_SOFTWARE = 70;

const program = new Command('multidb')
  .description('GraphQL backend for AI chat over your own documents')
  .showHelpAfterError()
  .addCommand(roleCommand('all', 'serve, ingest and answer in one process'))
  .addCommand(roleCommand('serve', 'serve GraphQL and answer; documents are ingested by a `work` process'))
  .addCommand(roleCommand('work', 'ingest documents only'))
  .addCommand(demoCommand())
  .addCommand(askCommand())
  .addCommand(evalCommand())
  .addCommand(migrateCommand())
  .addCommand(auditLedgerCommand());

program.parseAsync().catch((error: unknown) => {
  const expected = error instanceof DomainError || error instanceof MultiDbError;
  process.stderr.write(
    expected ? `multidb: ${error.message}\n` : `multidb: ${error instanceof Error ? error.stack : error}\n`,
  );
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : expected ? 1 : EXIT_SOFTWARE;
});
