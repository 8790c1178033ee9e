import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Log } from '../../domain/ports/system.ts';
import { createFile, makeFolder, replaceFile } from './durable-file.ts';
import { type LockFile, tryLock } from './file-lock.ts';
import { errorCode, fromFileError, storageError } from './storage-error.ts';

/** Raised when the layout below changes in a way that older code would misread. */
const LAYOUT_VERSION = 1;
const FORMAT_FILE = 'format';
/** What may lie in a folder that is "empty" to a person. */
const IGNORED_ENTRIES = new Set(['lost+found', '.gitkeep', '.gitignore', '.DS_Store']);

export type FolderRole = 'serve' | 'work';

/** Everything the embedded stores keep, in one folder that can be moved or copied while nobody holds it. */
export interface DataFolder {
  readonly path: string;
  /** True when this call made it: there is no data yet. */
  readonly isNew: boolean;
  readonly postgresFolder: string;
  readonly secretsFolder: string;
  readonly blobFolder: string;
  /** Chat log and run events. */
  readonly servingDatabase: string;
  readonly chunkDatabase: string;
  /** Gives up the role; repeating it is harmless. */
  close(): Promise<void>;
}

interface OpenOptions {
  readonly path: string;
  /** One process at a time has the role `serve`; any number may `work`. */
  readonly role: FolderRole;
  readonly log: Log;
}

/**
 * Opens the data folder, made with mode 0700 if it is missing. Throws STORE_UNAVAILABLE, in one sentence, when it
 * cannot be written, holds something else, was written by a newer version, or is served by another process already.
 */
export async function openDataFolder({ path, role, log }: OpenOptions): Promise<DataFolder> {
  const root = resolve(path);
  let lock: LockFile | undefined;
  try {
    await makeFolder(root);
    const isNew = await ensureFormat(root);
    if (role === 'serve') lock = await lockForServing(root);
    const folder = describe(root, isNew, lock);
    for (const part of [folder.secretsFolder, folder.blobFolder]) await makeFolder(part);
    log.info({ folder: root, role, isNew }, 'data folder opened');
    return folder;
  } catch (error) {
    lock?.close();
    throw fromFileError(root, error);
  }
}

function describe(root: string, isNew: boolean, lock: LockFile | undefined): DataFolder {
  return {
    path: root,
    isNew,
    postgresFolder: join(root, 'postgres'),
    secretsFolder: join(root, 'secrets'),
    blobFolder: join(root, 'blobs'),
    servingDatabase: join(root, 'serving.sqlite'),
    chunkDatabase: join(root, 'chunks.sqlite'),
    close: async () => lock?.close(),
  };
}

const formatSchema = z.object({ layout: z.int().positive() });

/** True when the folder was empty and is ours from now on. */
async function ensureFormat(root: string): Promise<boolean> {
  if ((await checkFormat(root)) !== undefined) return false;
  return createFile(join(root, FORMAT_FILE), `${JSON.stringify({ layout: LAYOUT_VERSION })}\n`);
}

/** The layout that the folder is written in; undefined: it is empty, or missing. Throws, in one sentence, if it is not for us. */
export async function checkFormat(root: string): Promise<number | undefined> {
  const written = await readFormat(join(root, FORMAT_FILE));
  if (written === undefined) await refuseForeign(root);
  else if (written > LAYOUT_VERSION) {
    throw storageError(`${root} was written by a newer version of this program (layout ${written}).`);
  }
  return written;
}

async function readFormat(file: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return formatSchema.parse(JSON.parse(text)).layout;
  } catch (error) {
    throw storageError(`${file} is damaged; restore it from a backup of the data folder.`, error);
  }
}

async function refuseForeign(root: string): Promise<void> {
  const names = await readdir(root).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const foreign = names.filter((name) => !IGNORED_ENTRIES.has(name) && !name.endsWith('.tmp'));
  // Another process may have just claimed it.
  if (foreign.length > 0 && !foreign.includes(FORMAT_FILE)) {
    throw storageError(`${root} holds other files (${foreign[0]}); name an empty or new folder.`);
  }
}

const holderSchema = z.object({ pid: z.int().positive() });

async function lockForServing(root: string): Promise<LockFile> {
  const holderFile = join(root, 'serve.pid');
  const lock = tryLock(join(root, 'serve.lock'), 'exclusive');
  if (lock === undefined) {
    const holder = await readHolder(holderFile);
    throw storageError(`${root} is already served by ${holder}; stop it first, or name another folder.`);
  }
  try {
    // Also the proof that the folder can be written, before any store is opened.
    await replaceFile(holderFile, `${JSON.stringify({ pid: process.pid })}\n`);
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

async function readHolder(file: string): Promise<string> {
  try {
    return `process ${holderSchema.parse(JSON.parse(await readFile(file, 'utf8'))).pid}`;
  } catch {
    // It holds the lock but has not written its name yet.
    return 'another process';
  }
}
