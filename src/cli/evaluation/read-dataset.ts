import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../../domain/errors.ts';
import { readBeirDataset } from './beir-dataset.ts';
import type { Dataset } from './dataset.ts';
import { readSpanDataset } from './span-dataset.ts';

/** Reads the layout that the folder has. Throws BAD_USER_INPUT that says what is missing. */
export async function readDataset(folder: string): Promise<Dataset> {
  const has = (name: string) =>
    access(join(folder, name)).then(
      () => true,
      () => false,
    );
  if (await has('corpus.jsonl')) return readBeirDataset(folder);
  if (await has('questions.csv')) return readSpanDataset(folder);
  throw new DomainError(
    'BAD_USER_INPUT',
    `${folder}: a data set has corpus.jsonl, queries.jsonl and qrels.tsv, or questions.csv and corpora/*.md.`,
  );
}
