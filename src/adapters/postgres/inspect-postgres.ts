import type pg from 'pg';
import { z } from 'zod';
import { clockFindings, type Finding, problem, type StoreReport, warning } from '../../domain/inspection.ts';
import { withAdminClient } from './admin-client.ts';
import {
  loadMigrations,
  type Migration,
  pendingOf,
  type Relation,
  readHistory,
  relationsOf,
} from './migrations.ts';

export interface PostgresInspectionOptions {
  readonly url: string;
  readonly timeoutMs: number;
  /** Connections that one process may take. */
  readonly poolSizeMax: number;
  /** Default: prisma/migrations of this package. */
  readonly folder?: string;
}

/** The oldest version that is still maintained. */
const VERSION_MIN = 14;

const serverSchema = z.object({
  version: z.string(),
  version_number: z.int(),
  encoding: z.string(),
  user: z.string(),
  database: z.string(),
  schema: z.string().nullable(),
  is_standby: z.boolean(),
  is_read_only: z.boolean(),
  fsync: z.string(),
  synchronous_commit: z.string(),
  connections_max: z.int(),
  now_ms: z.number(),
});
export type Server = z.output<typeof serverSchema>;

const SERVER = `SELECT current_setting('server_version') AS version,
  current_setting('server_version_num')::int AS version_number, current_setting('server_encoding') AS encoding,
  current_user AS "user", current_database() AS database, current_schema() AS schema,
  pg_is_in_recovery() AS is_standby, current_setting('default_transaction_read_only')::bool AS is_read_only,
  current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('max_connections')::int AS connections_max,
  (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms`;

/** Reads only. Throws what connecting throws; whatever is found on a server that answers is in the report. */
export async function inspectPostgres(options: PostgresInspectionOptions): Promise<StoreReport> {
  const { url, timeoutMs, poolSizeMax, folder } = options;
  const migrations = await loadMigrations(folder);
  const connection = { url, purpose: 'doctor', statementTimeoutMs: timeoutMs, connectTimeoutMs: timeoutMs };
  return withAdminClient(connection, async (client) => {
    const before = Date.now();
    const { rows } = await client.query(SERVER);
    const after = Date.now();
    const server = serverSchema.parse(rows[0]);
    const clock = { store: 'PostgreSQL', server: server.now_ms, before, after };
    return {
      summary: `PostgreSQL ${server.version}, database ${server.database}, ${migrations.length} migrations`,
      findings: [
        ...ofServer(server),
        ...ofDurability(server, poolSizeMax),
        ...clockFindings(clock),
        ...(await ofSchema(client, server, migrations)),
      ],
    };
  });
}

/** Of the server as such, whatever is in it. */
export function ofServer(server: Server): Finding[] {
  const findings: Finding[] = [];
  if (server.version_number < VERSION_MIN * 10_000)
    findings.push(problem(`PostgreSQL ${server.version} is too old; ${VERSION_MIN} or newer is needed.`));
  if (server.encoding !== 'UTF8')
    findings.push(
      problem(
        `the database ${server.database} is encoded in ${server.encoding}; make one with ENCODING 'UTF8'.`,
      ),
    );
  if (server.is_standby)
    findings.push(problem('the server is a standby, which is read-only; name the primary.'));
  else if (server.is_read_only)
    findings.push(
      problem(
        `default_transaction_read_only is on for user ${server.user} or database ${server.database}; turn it off.`,
      ),
    );
  if (server.schema === null)
    findings.push(
      problem(`user ${server.user} may use no schema of its search_path; grant USAGE on the schema.`),
    );
  return findings;
}

function ofDurability(server: Server, poolSizeMax: number): Finding[] {
  const findings: Finding[] = [];
  if (server.fsync === 'off')
    findings.push(warning('fsync is off: a crash of the machine may destroy the database; turn it on.'));
  if (server.synchronous_commit === 'off')
    findings.push(
      warning('synchronous_commit is off: a crash of PostgreSQL loses what was acknowledged; turn it on.'),
    );
  if (poolSizeMax >= server.connections_max)
    findings.push(
      warning(
        `max_connections is ${server.connections_max} and DATABASE_POOL_SIZE_MAX ${poolSizeMax} for each process; raise the one or lower the other.`,
      ),
    );
  return findings;
}

async function ofSchema(
  client: pg.Client,
  server: Server,
  migrations: readonly Migration[],
): Promise<readonly Finding[]> {
  if (server.schema === null) return [];
  const [history] = await rowsOf(client, z.object({ readable: z.boolean().nullable() }), {
    text: `SELECT has_table_privilege(to_regclass('_prisma_migrations'), 'SELECT') AS readable`,
  });
  // null: there is none yet.
  if (history?.readable === false) return [mayNot(server, ['_prisma_migrations'])];
  const pending = pendingOf(migrations, await readHistory(client));
  const applied = migrations.filter((migration) => !pending.includes(migration));
  return [
    ...(pending.length === 0
      ? []
      : [
          problem(
            `${countOf(pending.length, 'migration')} not applied; run \`multidb migrate\` first.`,
            'migration',
          ),
        ]),
    ...(await ofRelations(client, server, relationsOf(applied))),
  ];
}

const relationSchema = z.object({
  name: z.string(),
  is_there: z.boolean(),
  is_valid: z.boolean(),
  may_write: z.boolean(),
});

/** An index whose building was broken off is there and is used by nobody. */
const RELATIONS = `SELECT name, found IS NOT NULL AS is_there, coalesce(indisvalid, true) AS is_valid,
  relkind IS DISTINCT FROM 'r' OR (has_table_privilege(found, 'SELECT') AND has_table_privilege(found, 'INSERT')
    AND has_table_privilege(found, 'UPDATE') AND has_table_privilege(found, 'DELETE')) AS may_write
  FROM (SELECT name, to_regclass(quote_ident(name)) AS found FROM unnest($1::text[]) AS name) AS wanted
  LEFT JOIN pg_class ON pg_class.oid = found LEFT JOIN pg_index ON indexrelid = found`;

async function ofRelations(
  client: pg.Client,
  server: Server,
  relations: readonly Relation[],
): Promise<readonly Finding[]> {
  const names = relations.map(({ name }) => name);
  const found = await rowsOf(client, relationSchema, { text: RELATIONS, values: [names] });
  const findings: Finding[] = [];
  for (const { kind, name, migration } of relations) {
    const row = found.find((one) => one.name === name);
    const what = `the ${kind.toLowerCase()} "${name}" of migration ${migration}`;
    if (row?.is_there !== true)
      findings.push(
        problem(
          `${what} is missing; run its CREATE ${kind} again (prisma/migrations/${migration}/migration.sql).`,
        ),
      );
    else if (!row.is_valid) findings.push(problem(`${what} is invalid; run REINDEX INDEX "${name}".`));
  }
  const closed = found.filter(({ may_write }) => !may_write).map(({ name }) => name);
  return closed.length === 0 ? findings : [...findings, mayNot(server, closed)];
}

function mayNot({ user, schema }: Server, [first, ...others]: readonly string[]): Finding {
  const tables = others.length === 0 ? `table ${first}` : `table ${first} and ${others.length} others`;
  return problem(
    `user ${user} may not read and write ${tables}; as their owner, run: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${user}.`,
  );
}

function countOf(count: number, noun: string): string {
  return count === 1 ? `1 ${noun} is` : `${count} ${noun}s are`;
}

async function rowsOf<T>(
  client: pg.Client,
  row: z.ZodType<T>,
  query: { readonly text: string; readonly values?: unknown[] },
): Promise<readonly T[]> {
  return z.array(row).parse((await client.query(query)).rows);
}
