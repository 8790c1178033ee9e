import { Command } from 'commander';
import { readConfig } from '../../app/config.ts';
import { createLogger } from '../../app/logger.ts';
import { checkAllStores, isOutage, problemsOf, type StoreCheck } from '../../app/store-checks.ts';
import { EXIT_CONFIG, EXIT_FAILURE } from '../exit-codes.ts';

/** Looks at every store of the configuration, changes none, and says what to do. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check every store of the configuration and say what to do')
    .option('--json', 'one JSON document instead of lines')
    .action(async (options: { readonly json?: boolean }) => {
      const config = readConfig(process.env);
      // Its findings are what is asked for; what drivers log beside them is not.
      const log = createLogger({ level: 'silent', production: config.production });
      const checks = await checkAllStores(config, log);
      const exitCode = exitCodeOf(checks);
      process.stdout.write(options.json ? toJson(checks, exitCode) : toLines(checks));
      process.exitCode = exitCode;
    });
}

/** 78: a person must change something; 1: a store cannot be used now; 0: serve and work will start. */
function exitCodeOf(checks: readonly StoreCheck[]): number {
  const problems = problemsOf(checks);
  if (problems.length === 0) return 0;
  return isOutage(problems) ? EXIT_FAILURE : EXIT_CONFIG;
}

function toLines(checks: readonly StoreCheck[]): string {
  const lines = checks.flatMap(({ setting, summary, findings }) => [
    ...findings.map(({ level, message }) => `${level.padEnd(7)}  ${message}`),
    ...(summary !== undefined && findings.every(({ level }) => level === 'warning')
      ? [`ok       ${setting}: ${summary}`]
      : []),
  ]);
  return `${lines.join('\n')}\n`;
}

function toJson(checks: readonly StoreCheck[], exitCode: number): string {
  return `${JSON.stringify({ ok: exitCode === 0, exitCode, stores: checks }, undefined, 2)}\n`;
}
