import { basename } from 'node:path';
import { type MultiDbClient, MultiDbError } from '../client/index.ts';
import { DomainError } from '../domain/errors.ts';
import { readLocalFile } from './files.ts';
import type { Terminal } from './ui/terminal.ts';

const PARALLEL_FILES_MAX = 4;

/** Ingests files with one progress bar over all of them; then names those that were refused, with the reason. */
export async function ingestFiles(
  client: MultiDbClient,
  terminal: Terminal,
  paths: readonly string[],
): Promise<void> {
  const bar = terminal.progress(`Ingesting ${paths.length} documents`);
  const progress = new Map<string, number>();
  const failures: string[] = [];
  const queue = [...paths];
  const show = (path: string, fraction: number) => {
    progress.set(path, fraction);
    const sum = [...progress.values()].reduce((total, value) => total + value, 0);
    bar.update(sum / paths.length, basename(path));
  };
  const work = async () => {
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      const file = path;
      const failure = await ingestFile(client, file, (fraction) => show(file, fraction));
      if (failure !== undefined) failures.push(failure);
      show(file, 1);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_FILES_MAX }, work));
  bar.succeed(`${paths.length - failures.length} ready`);
  for (const failure of failures) terminal.line(`${terminal.style.red('✗')} ${failure}`);
}

/** What went wrong, as a sentence that names the file; undefined if nothing did. */
async function ingestFile(
  client: MultiDbClient,
  path: string,
  onProgress: (fraction: number) => void,
): Promise<string | undefined> {
  try {
    const ingestion = client.ingest(await readLocalFile(path));
    const { duplicate } = await ingestion.accepted;
    if (!duplicate) for await (const event of ingestion.events()) onProgress(event.progress);
    await ingestion.ready();
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error.message;
    if (error instanceof MultiDbError) return `${basename(path)}: ${error.message}`;
    throw error;
  }
}
