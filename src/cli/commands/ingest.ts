import { Command } from 'commander';
import { addClientOptions, type ClientOptions, withClient } from '../client-options.ts';
import { ingestFiles } from '../ingest-files.ts';
import { localDocuments } from '../local-documents.ts';
import { Terminal } from '../ui/terminal.ts';

interface IngestCommandOptions extends ClientOptions {
  readonly collection?: string;
}
const SHOWN_SKIPPED_MAX = 5;

/** Exit code 1 when a file was refused. */
export function ingestCommand(): Command {
  const command = new Command('ingest')
    .description(
      'ingest files, folders and ZIP archives into a running server; a file that changed becomes a new version',
    )
    .argument('<paths...>', 'txt, md, html, pdf, docx, csv, tsv, json, jsonl, epub, zip, or folders of them')
    .option('--collection <id>', 'into this collection; default: that of the workspace');
  return addClientOptions(command).action((paths: string[], options: IngestCommandOptions) =>
    withClient(options, async (client) => {
      const terminal = new Terminal(process.stdout, process.env);
      const { documents, skipped } = await localDocuments(paths);
      if (skipped.length > 0) terminal.line(terminal.style.dim(sayOfSkipped(skipped)));
      const refusedCount = await ingestFiles(client, terminal, documents, options.collection);
      if (refusedCount > 0) process.exitCode = 1;
    }),
  );
}

function sayOfSkipped(skipped: readonly string[]): string {
  const shown = skipped.slice(0, SHOWN_SKIPPED_MAX).join(', ');
  const more = skipped.length > SHOWN_SKIPPED_MAX ? ', …' : '';
  return `Skipping ${skipped.length} of no known format: ${shown}${more}`;
}
