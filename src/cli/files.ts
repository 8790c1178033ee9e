import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DomainError } from '../domain/errors.ts';

interface LocalFile {
  readonly fileName: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Throws BAD_USER_INPUT naming the file that is missing or unreadable. */
export async function readLocalFile(path: string): Promise<LocalFile> {
  try {
    return { fileName: basename(path), bytes: new Uint8Array(await readFile(path)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DomainError('BAD_USER_INPUT', `${path}: ${reason}`);
  }
}

/** Markdown files of a folder and its subfolders, sorted. */
export async function listMarkdown(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
