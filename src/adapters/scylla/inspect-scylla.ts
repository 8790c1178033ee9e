import { clockFindings, type Finding, problem, type StoreReport, warning } from '../../domain/inspection.ts';
import type { Log } from '../../domain/ports/system.ts';
import { inspectSchema, type ScyllaStatus } from './migrate-scylla.ts';
import { openScylla } from './scylla-connection.ts';
import { mayMissWrites, parseScyllaUrl } from './scylla-url.ts';

export interface ScyllaInspectionOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly log: Log;
}

/** ScyllaDB calls itself Cassandra 3.0; the older Cassandras are too old for its CQL. */
const VERSION = /^(\d+)\.(\d+)/;
const CASSANDRA_MIN = 4;
const COPIES_WANTED = 3;

/**
 * What is written is one grave of a row that never was, always the same: only the permission to write, and the
 * consistency level, are asked for. Throws what connecting and a missing permission throw.
 */
const PROBE = {
  cql: 'DELETE FROM answers USING TIMESTAMP 1 WHERE workspace_id = ? AND run_id = ?',
  isIdempotent: true,
};
const NOBODY = 'doctor';

export async function inspectScylla({ url, timeoutMs, log }: ScyllaInspectionOptions): Promise<StoreReport> {
  const settings = parseScyllaUrl(url);
  const status = await inspectSchema({ url, log });
  const isMigrated = status.pending.length === 0 && status.differences.length === 0;
  if (isMigrated) await probeWrites({ url, timeoutMs, log });
  const nodes = status.nodeCount === 1 ? '1 node' : `${status.nodeCount} nodes`;
  return {
    summary: `${productOf(status)}, keyspace ${settings.keyspace}, ${nodes} in ${settings.dataCentre}`,
    findings: [
      ...ofVersion(status),
      ...ofSchema(status),
      ...clockFindings(status.clock),
      ...ofCopies(status, mayMissWrites(settings.consistency)),
    ],
  };
}

const isScylla = ({ version }: ScyllaStatus) => version.startsWith('3.0.');

function productOf(status: ScyllaStatus): string {
  return isScylla(status) ? 'ScyllaDB' : `Cassandra ${status.version}`;
}

function ofVersion(status: ScyllaStatus): Finding[] {
  const major = Number(VERSION.exec(status.version)?.[1] ?? 0);
  if (isScylla(status) || major >= CASSANDRA_MIN) return [];
  return [problem(`${productOf(status)} is too old; ScyllaDB 6 or Cassandra 5 is needed.`)];
}

function ofSchema({ pending, differences }: ScyllaStatus): Finding[] {
  if (differences.length > 0)
    return [
      problem(
        `the tables differ from this version: ${differences.join('; ')}; name another keyspace, or move their rows by hand.`,
      ),
    ];
  if (pending.length === 0) return [];
  return [problem(`not there yet: ${pending.join(', ')}; run \`multidb migrate\` first.`, 'migration')];
}

function ofCopies({ copyCount, nodeCount }: ScyllaStatus, isWeak: boolean): Finding[] {
  if (copyCount === undefined) return [];
  const findings: Finding[] = [];
  if (copyCount < Math.min(COPIES_WANTED, nodeCount))
    findings.push(
      warning(
        `${nodeCount} nodes keep ${copyCount} of each row; raise the keyspace's replication to ${Math.min(COPIES_WANTED, nodeCount)}.`,
      ),
    );
  if (isWeak && copyCount > 1)
    findings.push(
      warning('with this consistency a read may miss what a write confirmed; set consistency=LOCAL_QUORUM.'),
    );
  return findings;
}

async function probeWrites({ url, timeoutMs, log }: ScyllaInspectionOptions): Promise<void> {
  const connection = openScylla({ url, deadlineMs: timeoutMs, log });
  try {
    await connection.execute(PROBE, [NOBODY, NOBODY]);
  } finally {
    await connection.close();
  }
}
