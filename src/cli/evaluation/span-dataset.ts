import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { Span } from '../../domain/evaluation/span-recall.ts';
import { parseCsv } from './csv.ts';
import type { Dataset, SpanQuestion } from './dataset.ts';

const referencesSchema = z.array(
  z.object({ content: z.string(), start_index: z.number(), end_index: z.number() }),
);

/** questions.csv (question, references, corpus_id) and corpora/<corpus_id>.md; offsets count code points. */
export async function readSpanDataset(folder: string): Promise<Dataset> {
  const corpora = join(folder, 'corpora');
  const names = (await readdir(corpora)).filter((name) => name.endsWith('.md')).sort();
  const texts = new Map<string, string>();
  for (const name of names) texts.set(basename(name, '.md'), await readFile(join(corpora, name), 'utf8'));
  const [header, ...rows] = parseCsv(await readFile(join(folder, 'questions.csv'), 'utf8'));
  const column = (name: string) => header?.indexOf(name) ?? -1;
  const [question, references, corpus] = ['question', 'references', 'corpus_id'].map(column);
  const questions = rows.map((row, index): SpanQuestion => {
    const [text = '', spans = '', documentId = ''] = [question, references, corpus].map(
      (at) => row[at ?? -1],
    );
    const source = texts.get(documentId);
    if (source === undefined) {
      throw new DomainError('BAD_USER_INPUT', `questions.csv, row ${index + 1}: no corpus "${documentId}".`);
    }
    return { id: String(index + 1), text, references: spansOf(spans, documentId, source) };
  });
  const documents = Array.from(texts, ([id, text]) => ({ id, text, mediaType: 'text/markdown' as const }));
  return { kind: 'spans', name: basename(resolve(folder)), documents, questions };
}

function spansOf(json: string, documentId: string, source: string): Span[] {
  const at = offsetsOf(source);
  return referencesSchema.parse(JSON.parse(json)).map(({ content, start_index, end_index }) => {
    const [start, end] = [at(start_index), at(end_index)];
    if (source.slice(start, end) === content) return { documentId, start, end };
    throw new DomainError(
      'BAD_USER_INPUT',
      `questions.csv: a reference is not at ${start_index} in ${documentId}.`,
    );
  });
}

/** From code points, which Python counts, to the UTF-16 units of everything here. */
function offsetsOf(text: string): (codePoints: number) => number {
  if (!/[\ud800-\udbff]/.test(text)) return (codePoints) => codePoints;
  const offsets = [0];
  for (const character of text) offsets.push((offsets.at(-1) ?? 0) + character.length);
  return (codePoints) => offsets[codePoints] ?? text.length;
}
