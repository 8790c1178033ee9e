import { type MultiDbClient, MultiDbError } from '../client/index.ts';
import { DomainError } from '../domain/errors.ts';
import type { LocalDocument } from './local-documents.ts';
import type { Terminal } from './ui/terminal.ts';

const PARALLEL_FILES_MAX = 4;

/**
 * Ingests documents with one progress bar over all of them; then names those that were refused, with the reason. Returns
 * how many were.
 */
export async function ingestFiles(
  client: MultiDbClient,
  terminal: Terminal,
  documents: readonly LocalDocument[],
  collectionId?: string,
): Promise<number> {
  const bar = terminal.progress(`Ingesting ${documents.length} documents`);
  const failures: string[] = [];
  const queue = [...documents];
  let done = 0;
  const underWay = new Map<LocalDocument, number>();
  const show = (document: LocalDocument, fraction: number) => {
    underWay.set(document, fraction);
    const sum = [...underWay.values()].reduce((total, value) => total + value, done);
    bar.update(sum / documents.length, document.fileName);
  };
  const work = async () => {
    for (let document = queue.shift(); document !== undefined; document = queue.shift()) {
      const current = document;
      const failure = await ingestFile(client, { document, collectionId }, (part) => show(current, part));
      if (failure !== undefined) failures.push(failure);
      show(current, 1);
      underWay.delete(current);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_FILES_MAX }, work));
  bar.succeed(`${documents.length - failures.length} ready`);
  for (const failure of failures) terminal.line(`${terminal.style.red('✗')} ${failure}`);
  return failures.length;
}

interface Task {
  readonly document: LocalDocument;
  readonly collectionId: string | undefined;
}

/** What went wrong, as a sentence that names the file; undefined if nothing did. */
async function ingestFile(
  client: MultiDbClient,
  { document, collectionId }: Task,
  onProgress: (fraction: number) => void,
): Promise<string | undefined> {
  const { label, fileName, externalId } = document;
  try {
    const bytes = await document.read();
    const ingestion = client.ingest({ bytes, fileName, externalId, collectionId });
    const { duplicate } = await ingestion.accepted;
    if (!duplicate) for await (const event of ingestion.events()) onProgress(event.progress);
    await ingestion.ready();
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error.message;
    if (error instanceof MultiDbError) return `${label}: ${error.message}`;
    throw error;
  }
}
