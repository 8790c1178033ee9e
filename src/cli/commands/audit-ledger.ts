import { Command } from 'commander';
import { readConfig } from '../../app/config.ts';
import { auditLedger } from '../../app/ledger-audit.ts';
import { createLogger } from '../../app/logger.ts';
import type { LedgerAudit } from '../../domain/ports/runs.ts';
import { onStopSignal } from '../stop-signal.ts';

/** Exit code 1 when anything disagrees, so that a scheduler can watch it. */
export function auditLedgerCommand(): Command {
  return new Command('audit-ledger')
    .description(
      'prove that ledger, usage of runs, reservations and quotas agree; also beside a running server',
    )
    .option('--json', 'print the audit as one line of JSON')
    .action(async ({ json }: { readonly json?: true }) => {
      const config = readConfig(process.env);
      const log = createLogger({ level: config.LOG_LEVEL, production: config.production });
      const audit = await auditLedger({ config, log, signal: onStopSignal().signal });
      const agrees = isSound(audit);
      process.stdout.write(json ? `${JSON.stringify({ agrees, ...audit })}\n` : describe(audit, agrees));
      if (!agrees) process.exitCode = 1;
    });
}

function isSound({ usage, ledger, ...audit }: LedgerAudit): boolean {
  const { mismatched, orphanedReservations, unreserved, miscountedQuotas } = audit;
  const findings = [mismatched, orphanedReservations, unreserved, miscountedQuotas];
  const sums = (['messages', 'inputTokens', 'outputTokens', 'costMicros'] as const).every(
    (name) => usage[name] === ledger[name],
  );
  return sums && findings.every((found) => found.length === 0);
}

function describe(audit: LedgerAudit, agrees: boolean): string {
  const { runCount, usage, ledger, miscountedQuotas } = audit;
  const quotas = miscountedQuotas.map(({ workspaceId, period }) => `${workspaceId} in ${period}`);
  const lines = [
    `runs: ${runCount}, settled: ${usage.messages}, in the ledger: ${ledger.messages}`,
    `input tokens: ${usage.inputTokens} used, ${ledger.inputTokens} in the ledger`,
    `output tokens: ${usage.outputTokens} used, ${ledger.outputTokens} in the ledger`,
    `cost in micro-units: ${usage.costMicros} used, ${ledger.costMicros} in the ledger`,
    ...found('run and ledger differ', audit.mismatched),
    ...found('reservation of a run that is over', audit.orphanedReservations),
    ...found('run without a reservation', audit.unreserved),
    ...found('quota counters are not the sum behind them', quotas),
    agrees ? 'everything agrees' : 'NOT everything agrees',
  ];
  return `${lines.join('\n')}\n`;
}

function found(what: string, where: readonly string[]): string[] {
  return where.map((name) => `${what}: ${name}`);
}
