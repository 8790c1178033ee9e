import { type Client, errors, types } from 'cassandra-driver';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { ClockReading } from '../../domain/inspection.ts';
import type { Log } from '../../domain/ports/system.ts';
import { createTable, TABLES } from './schema.ts';
import {
  type ColumnRow,
  columnRowSchema,
  compareReplication,
  compareSchema,
  type MissingPart,
  type SchemaComparison,
} from './schema-comparison.ts';
import { abandon, newScyllaClient } from './scylla-client.ts';
import { toDomainError } from './scylla-errors.ts';
import { parseScyllaUrl, type ScyllaSettings } from './scylla-url.ts';

export interface ScyllaMigrationOptions {
  readonly url: string;
  readonly log: Log;
}
export interface ScyllaStatus {
  /** As the server tells it; ScyllaDB says the Cassandra version that it is compatible with. */
  readonly version: string;
  /** Nodes of our data centre that answer. */
  readonly nodeCount: number;
  readonly clock: ClockReading;
  /** Copies of each row in our data centre; undefined: not there yet, or not told by data centre. */
  readonly copyCount: number | undefined;
  /** What `migrateScylla` would make. */
  readonly pending: readonly string[];
  /** What it would refuse to go over; sentences. */
  readonly differences: readonly string[];
}

/** Changing a schema waits for all nodes. */
const TIMEOUTS = { connectTimeoutMs: 5_000, readTimeoutMs: 30_000 };
const COPIES_DEFAULT = 3;

/**
 * Makes what is missing of keyspace, tables and columns; returns what it made. Throws CONFLICT with every difference
 * when a table is there and is another one, before anything is changed.
 *
 * Safe from many processes at once. Two nodes that create one table at the same moment give it two identities, which
 * IF NOT EXISTS does not prevent, so every process sends its changes to the same node, where they happen one after
 * the other; and each looks again after a change that was refused, because somebody else may just have made it.
 */
export async function migrateScylla({ url, log }: ScyllaMigrationOptions): Promise<readonly string[]> {
  const settings = parseScyllaUrl(url);
  return withClient(settings, async (client) => {
    const before = await compare(client, settings);
    refuseDifferences(before.comparison);
    const made: string[] = [];
    if (!before.hasKeyspace) made.push(await createKeyspace(client, settings));
    for (const part of before.comparison.missing) made.push(await make(client, settings, part));
    const after = await compare(client, settings);
    refuseDifferences(after.comparison);
    if (after.comparison.missing.length > 0) {
      throw new DomainError('STORE_UNAVAILABLE', 'The nodes of ScyllaDB do not agree on the schema yet.');
    }
    for (const change of made) log.info({ change }, 'ScyllaDB schema changed');
    return made;
  });
}

/** What `migrateScylla` would find and do; changes nothing. */
export async function inspectSchema({ url }: ScyllaMigrationOptions): Promise<ScyllaStatus> {
  const settings = parseScyllaUrl(url);
  return withClient(settings, async (client) => {
    const { hasKeyspace, comparison, copyCount } = await compare(client, settings);
    const before = Date.now();
    const [server] = await select(
      client,
      z.object({ release_version: z.string(), instant: z.instanceof(types.TimeUuid) }),
      'SELECT release_version, now() AS instant FROM system.local',
    );
    const after = Date.now();
    const pending = comparison.missing.map(describe);
    return {
      version: server?.release_version ?? 'unknown',
      nodeCount: localNodes(client, settings).length,
      clock: {
        store: 'ScyllaDB',
        server: server?.instant.getDate().getTime() ?? after,
        before,
        after,
      },
      copyCount,
      pending: hasKeyspace ? pending : [`keyspace ${settings.keyspace}`, ...pending],
      differences: comparison.differences,
    };
  });
}

async function withClient<T>(settings: ScyllaSettings, work: (client: Client) => Promise<T>): Promise<T> {
  const client = newScyllaClient(settings, TIMEOUTS, { keyspace: false });
  try {
    await client.connect();
  } catch (error) {
    await abandon(client);
    throw toDomainError(error);
  }
  try {
    return await work(client);
  } catch (error) {
    throw toDomainError(error);
  } finally {
    await client.shutdown();
  }
}

interface FoundSchema {
  readonly hasKeyspace: boolean;
  readonly comparison: SchemaComparison;
  readonly copyCount: number | undefined;
}

async function compare(client: Client, { keyspace, dataCentre }: ScyllaSettings): Promise<FoundSchema> {
  const [found] = await select(
    client,
    z.object({ replication: z.record(z.string(), z.string()) }),
    'SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?',
    [keyspace],
  );
  const columns: readonly ColumnRow[] = await select(
    client,
    columnRowSchema,
    `SELECT table_name, column_name, kind, position, type, clustering_order
     FROM system_schema.columns WHERE keyspace_name = ?`,
    [keyspace],
  );
  const comparison = compareSchema(TABLES, columns);
  const elsewhere =
    found === undefined ? [] : compareReplication(found.replication, { keyspace, dataCentre });
  const differences = [...elsewhere, ...comparison.differences];
  const copyCount = Number.parseInt(found?.replication[dataCentre] ?? '', 10);
  return {
    hasKeyspace: found !== undefined,
    comparison: { ...comparison, differences },
    copyCount: Number.isNaN(copyCount) ? undefined : copyCount,
  };
}

function refuseDifferences({ differences }: SchemaComparison): void {
  if (differences.length === 0) return;
  throw new DomainError(
    'CONFLICT',
    `SCYLLA_URL: the tables differ from this version: ${differences.join('; ')}.`,
  );
}

async function createKeyspace(client: Client, settings: ScyllaSettings): Promise<string> {
  const { keyspace, dataCentre, replication } = settings;
  const copies = replication ?? Math.min(COPIES_DEFAULT, localNodes(client, settings).length);
  const data = `{'class': 'NetworkTopologyStrategy', '${dataCentre}': ${copies}}`;
  await change(client, settings, `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${data}`);
  return `keyspace ${keyspace} with ${copies} copies in ${dataCentre}`;
}

async function make(client: Client, settings: ScyllaSettings, part: MissingPart): Promise<string> {
  const { keyspace } = settings;
  if (part.kind === 'table') {
    const table = { ...part.table, name: `${keyspace}.${part.table.name}` };
    await change(client, settings, createTable(table));
  } else {
    const statement = `ALTER TABLE ${keyspace}.${part.table} ADD ${part.column} ${part.type}`;
    // Refused when another process was faster; the comparison after all changes tells that from a real refusal.
    await change(client, settings, statement).catch((error: unknown) => {
      if (!(error instanceof errors.ResponseError && error.code === types.responseErrorCodes.invalid))
        throw error;
    });
  }
  return describe(part);
}

function describe(part: MissingPart): string {
  return part.kind === 'table' ? `table ${part.table.name}` : `column ${part.table}.${part.column}`;
}

/** Resolves when the nodes agree on it, or after the driver's 10 seconds. */
async function change(client: Client, settings: ScyllaSettings, statement: string): Promise<void> {
  const [host] = localNodes(client, settings);
  if (host === undefined) throw new errors.NoHostAvailableError({});
  await client.execute(statement, [], { host, isIdempotent: true });
}

/** In the same order for every process. */
function localNodes(client: Client, { dataCentre }: ScyllaSettings) {
  return client.hosts
    .values()
    .filter((host) => host.datacenter === dataCentre && host.isUp())
    .sort((left, right) => (left.address < right.address ? -1 : 1));
}

async function select<T>(
  client: Client,
  row: z.ZodType<T>,
  statement: string,
  values: readonly string[] = [],
): Promise<readonly T[]> {
  const result = await client.execute(statement, [...values], { prepare: true, isIdempotent: true });
  return (result.rows ?? []).map((found) => row.parse(found));
}
