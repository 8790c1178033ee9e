import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { readableFiles } from '../adapters/loaders/archive-files.ts';
import { ZipArchive } from '../adapters/loaders/zip-archive.ts';
import { DomainError } from '../domain/errors.ts';
import { isSupportedMediaType, MEDIA_TYPES, resolveMediaType } from '../domain/media-type.ts';

/** A file of this machine, or a part of an archive, read when its turn comes. */
export interface LocalDocument {
  /** For people: the path as it was found. */
  readonly label: string;
  readonly fileName: string;
  /** The same file again, with other content, is a new version of the same document. */
  readonly externalId: string | undefined;
  /** Throws BAD_USER_INPUT naming the file. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
}
export interface LocalDocuments {
  readonly documents: readonly LocalDocument[];
  /** Files of no format that can be read, found in folders and archives. */
  readonly skipped: readonly string[];
}

const UNPACKED_BYTES_MAX = 4 * 1024 ** 3;
/** What the server takes for a name. UTF-16 units. */
const EXTERNAL_ID_LENGTH_MAX = 500;

/**
 * Files as they are named; folders with all that is in them but hidden files; ZIP archives as the files in them, each a
 * document of its own, with its own title and pages. Only what nobody named is skipped for its format.
 */
export async function localDocuments(paths: readonly string[]): Promise<LocalDocuments> {
  const documents: LocalDocument[] = [];
  const skipped: string[] = [];
  for (const path of paths) {
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isFolder) {
      documents.push(...(await documentsOf(path, skipped)));
      continue;
    }
    for (const file of await filesBelow(path)) {
      if (isSupportedMediaType(resolveMediaType('', file)))
        documents.push(...(await documentsOf(file, skipped)));
      else skipped.push(file);
    }
  }
  return { documents, skipped };
}

/** Of a folder and its subfolders, sorted. Links are not followed: they may lead in circles. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(path)));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

async function documentsOf(path: string, skipped: string[]): Promise<LocalDocument[]> {
  if (resolveMediaType('', path) !== MEDIA_TYPES.zip) return [fileDocument(path)];
  try {
    return partsOf(path, new ZipArchive(await readLocalFile(path), UNPACKED_BYTES_MAX), skipped);
  } catch (error) {
    const failure = refused(path, error instanceof DomainError ? error : 'its archive is broken');
    return [{ ...fileDocument(path), read: () => Promise.reject(failure) }];
  }
}

export function fileDocument(path: string): LocalDocument {
  return {
    label: path,
    fileName: basename(path),
    externalId: nameOf(resolve(path)),
    read: () => readLocalFile(path),
  };
}

function partsOf(path: string, archive: ZipArchive, skipped: string[]): LocalDocument[] {
  const files = readableFiles(archive);
  const readable = new Set(files.map(({ name }) => name));
  for (const { name } of archive.entries)
    if (!readable.has(name) && !name.endsWith('/')) skipped.push(`${path}/${name}`);
  return files.map(({ name }) => ({
    label: `${path}/${name}`,
    fileName: basename(name),
    externalId: nameOf(`${resolve(path)}/${name}`),
    read: async () => {
      try {
        return new Uint8Array(archive.read(name) ?? []);
      } catch {
        throw refused(`${path}/${name}`, 'it is encrypted, broken or too large');
      }
    },
  }));
}

function nameOf(path: string): string | undefined {
  return path.length <= EXTERNAL_ID_LENGTH_MAX && path.isWellFormed() ? path : undefined;
}

async function readLocalFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw refused(path, error instanceof Error ? error.message : String(error));
  }
}

function refused(path: string, reason: string | DomainError): DomainError {
  return typeof reason === 'string' ? new DomainError('BAD_USER_INPUT', `${path}: ${reason}`) : reason;
}
