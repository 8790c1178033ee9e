import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { freePort, startDaemon } from './process.mjs';

const VERSIONS = '/usr/lib/postgresql';
const DATABASE = 'multidb';

export const key = 'DATABASE_URL';
export const packages = [{ isPresent: () => newestBin() !== undefined, name: 'postgresql' }];
export const urlOf = (port) => `postgresql://app@127.0.0.1:${port}/${DATABASE}`;
/** "Fast" shutdown: does not wait for clients. */
export const stopSignal = 'SIGINT';

/** A throw-away cluster: no fsync, and everybody on this machine is let in. Its role may create databases. */
export async function start(folder) {
  const bin = newestBin();
  const data = `${folder}/data`;
  if (!existsSync(`${data}/PG_VERSION`)) createCluster(bin, data);
  const port = await freePort(25432);
  const settings = {
    ...{ port, listen_addresses: '127.0.0.1', unix_socket_directories: data, max_connections: 300 },
    ...{ fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '128MB' },
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, ...args] = unprivileged([`${bin}/postgres`, '-D', data, ...options]);
  return startDaemon(folder, { command, args, port, isReady, cwd: '/' });
}

/** Ready means: the database is there too. */
export async function isReady(port) {
  if (psql(urlOf(port), 'SELECT 1')) return true;
  psql(urlOf(port).replace(DATABASE, 'postgres'), `CREATE DATABASE ${DATABASE}`);
  return false;
}

function psql(url, statement) {
  return spawnSync(`${newestBin()}/psql`, ['-XqAtc', statement, url]).status === 0;
}

function newestBin() {
  if (!existsSync(VERSIONS)) return undefined;
  const [newest] = readdirSync(VERSIONS)
    .filter((version) => existsSync(`${VERSIONS}/${version}/bin/postgres`))
    .sort((one, other) => Number(other) - Number(one));
  return newest && `${VERSIONS}/${newest}/bin`;
}

function createCluster(bin, data) {
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data);
  chmodSync(data, 0o700);
  if (process.getuid?.() === 0) chownSync(data, idOf('-u'), idOf('-g'));
  const options = ['-D', data, '-U', 'app', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8'];
  const [command, ...args] = unprivileged([`${bin}/initdb`, ...options]);
  const { status, stderr } = spawnSync(command, args, { cwd: '/', encoding: 'utf8' });
  if (status === 0) return;
  rmSync(data, { recursive: true, force: true });
  throw new Error(`initdb failed; the account postgres must be able to enter ${data}:\n${stderr}`);
}

function idOf(option) {
  return Number(spawnSync('id', [option, 'postgres'], { encoding: 'utf8' }).stdout);
}

/** PostgreSQL refuses to run as root; its Debian package brings an account. */
function unprivileged(command) {
  return process.getuid?.() === 0
    ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', ...command]
    : command;
}
