/** Our own server as a process, the PostgreSQL it starts, and a signed-in client of it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MultiDbClient } from '../src/client/index.ts';
import { type MeasuredProcess, spawnMeasured } from './harness.ts';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const DOCS = fileURLToPath(new URL('../docs', import.meta.url));

/** Defaults but for what stands in the way of load from one user on one machine. */
export const SETTINGS = {
  NODE_ENV: 'development',
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'error',
  MESSAGES_PER_MINUTE: '10000000',
  INGESTIONS_PER_MINUTE: '10000000',
  SOCKETS_PER_USER_MAX: '100000',
  LOGIN_PER_ACCOUNT_PER_MINUTE: '1000',
} as const;

export interface Product {
  readonly process: MeasuredProcess;
  readonly url: string;
  readonly postgres: { cpuMs(): number; rssMb(): number };
  stop(): Promise<void>;
}
export interface ProductOptions {
  readonly folder: string;
  readonly core?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
}

export async function startProduct(options: ProductOptions): Promise<Product> {
  const { folder, core, env = {}, nodeArgs = profilerArgs() } = options;
  const child = await spawnMeasured({
    args: ['--disable-warning=ExperimentalWarning', ...nodeArgs, MAIN, 'all'],
    env: { ...SETTINGS, DATA_DIR: folder, ...env },
    ...(core === undefined ? {} : { core }),
  });
  return {
    process: child,
    url: child.ready.replace(/\/playground$/, ''),
    postgres: postgresOf(folder),
    stop: () => child.stop(),
  };
}

/** `BENCH_PROFILE=<folder>` writes a CPU profile of each server that is measured. */
function profilerArgs(): readonly string[] {
  const folder = process.env['BENCH_PROFILE'];
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : [];
}

/** A data folder that is gone when `work` is done. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'multidb-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface SignedInClient {
  readonly client: MultiDbClient;
  readonly token: string;
}

/** As the demo user that a new folder is seeded with. */
export async function signIn(url: string): Promise<SignedInClient> {
  const credentials = { email: 'test@example.com', password: 'testpassword123' };
  const client = new MultiDbClient({ url });
  await client.login(credentials.email, credentials.password);
  const query =
    'mutation ($input: LoginInput!) { login(input: $input) { ... on LoginSuccess { accessToken } } }';
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input: credentials } }),
  });
  const { data } = (await response.json()) as { data: { login: { accessToken: string } } };
  return { client, token: data.login.accessToken };
}

/** This repository's documents: the corpus of the demo. */
export function corpus(): readonly { readonly name: string; readonly text: string }[] {
  return readdirSync(DOCS, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(DOCS, name), 'utf8') }));
}

export async function ingestCorpus(client: MultiDbClient): Promise<void> {
  for (const { name, text } of corpus()) {
    await client.ingest({ text, mediaType: 'text/markdown', externalId: name }).ready();
  }
}

/** The postmaster and its children, found by the pid file in the data folder. */
export function postgresOf(folder: string): Product['postgres'] {
  const sum = (read: (pid: number) => number) => () =>
    postgresPids(folder).reduce((total, pid) => total + read(pid), 0);
  return { cpuMs: sum(cpuWithEndedChildrenMs), rssMb: sum(proportionalSetMb) };
}

function postgresPids(folder: string): number[] {
  const file = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.endsWith('postmaster.pid'),
  );
  if (file === undefined) return [];
  const postmaster = Number(readFileSync(join(folder, file), 'utf8').split('\n', 1)[0]);
  const children = `/proc/${postmaster}/task/${postmaster}/children`;
  if (!existsSync(children)) return [];
  return [postmaster, ...readFileSync(children, 'utf8').split(' ').filter(Boolean).map(Number)];
}

function cpuWithEndedChildrenMs(pid: number): number {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index] ?? 0), 0);
  return ticks * 10;
}

/** Shared memory counts once, not once a process. */
function proportionalSetMb(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readOrEmpty(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024;
}

/** A process may end between its listing and its reading. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
