import { constants } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Finding, problem, type StoreReport, warning } from '../../domain/inspection.ts';
import { checkFormat } from './folder.ts';
import { findBinaries } from './postgres/binaries.ts';
import { checkVersion } from './postgres/cluster.ts';
import { errorCode, fromFileError, storageError } from './storage-error.ts';

export interface FolderInspectionOptions {
  readonly path: string;
  /** PostgreSQL is kept in it, too. */
  readonly hasPostgres: boolean;
}

const FREE_BYTES_MIN = 64 * 1024 * 1024;
const FREE_BYTES_WARNED = 1024 * 1024 * 1024;
const PRIVATE_MODE = 0o077;

/**
 * Looks at the folder without opening it: it may be served at the moment. Makes nothing. Throws, in one sentence, what
 * a start would throw.
 */
export async function inspectFolder(options: FolderInspectionOptions): Promise<StoreReport> {
  const root = resolve(options.path);
  try {
    const place = await writablePlace(root);
    const format = await checkFormat(root);
    if (options.hasPostgres) await checkPostgres(root);
    return {
      summary: `${root}, ${format === undefined ? 'to be made by the first start' : `layout ${format}`}`,
      findings: [...(await ofSpace(root, place)), ...(await ofSecrets(join(root, 'secrets')))],
    };
  } catch (error) {
    throw fromFileError(root, error);
  }
}

/** The folder, or the one in which it will be made. */
async function writablePlace(root: string): Promise<string> {
  for (let place = root; ; place = dirname(place)) {
    try {
      if (!(await stat(place)).isDirectory()) throw storageError(`${place} is not a folder.`);
      await access(place, constants.W_OK | constants.X_OK);
      return place;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || place === dirname(place)) throw error;
    }
  }
}

async function ofSpace(root: string, place: string): Promise<Finding[]> {
  const { bavail, bsize } = await statfs(place);
  const freeBytes = bavail * bsize;
  if (freeBytes >= FREE_BYTES_WARNED) return [];
  const message = `the disk that holds ${root} has ${Math.floor(freeBytes / 2 ** 20)} MiB left; free some.`;
  return [freeBytes < FREE_BYTES_MIN ? problem(message, 'outage') : warning(message)];
}

async function checkPostgres(root: string): Promise<void> {
  findBinaries();
  const cluster = join(root, 'postgres', 'cluster', 'data');
  const isThere = await access(cluster).then(
    () => true,
    () => false,
  );
  if (isThere) await checkVersion(cluster);
}

/** A key that others can read signs tokens for them. The next start narrows the mode. */
async function ofSecrets(folder: string): Promise<Finding[]> {
  const names = await readdir(folder).catch(() => []);
  const open: string[] = [];
  for (const name of names) {
    if (((await stat(join(folder, name))).mode & PRIVATE_MODE) !== 0) open.push(name);
  }
  if (open.length === 0) return [];
  return [warning(`others may read ${open.join(', ')} in ${folder}; run chmod 600 on them.`)];
}
