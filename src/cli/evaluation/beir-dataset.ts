import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { Judgements } from '../../domain/evaluation/ranking-metrics.ts';
import type { Dataset, DatasetDocument, JudgedQuestion } from './dataset.ts';

/** Where BEIR's archives keep the judgements, and where a copy by hand does. */
const JUDGEMENT_FILES = ['qrels.tsv', 'qrels/test.tsv'];
const idSchema = z.union([z.string(), z.number()]).transform(String);
const documentSchema = z.object({ _id: idSchema, title: z.string().nullish(), text: z.string() });
const querySchema = z.object({ _id: idSchema, text: z.string() });

/** BEIR's layout: corpus.jsonl and queries.jsonl with `_id`, and qrels of query, document and grade. */
export async function readBeirDataset(folder: string): Promise<Dataset> {
  const [corpus, queries, judgements] = await Promise.all([
    readLines(join(folder, 'corpus.jsonl'), documentSchema),
    readLines(join(folder, 'queries.jsonl'), querySchema),
    readJudgements(folder),
  ]);
  const questions = queries.flatMap(({ _id, text }): JudgedQuestion[] => {
    const judged = judgements.get(_id);
    return judged === undefined ? [] : [{ id: _id, text, judgements: judged }];
  });
  const documents = corpus.map(({ _id, title, text }) => ({ id: _id, ...contentOf(title ?? '', text) }));
  return { kind: 'documents', name: basename(resolve(folder)), documents, questions };
}

/** Title and text in one, as BEIR's own baselines index them. */
function contentOf(title: string, text: string): Omit<DatasetDocument, 'id'> {
  return { text: title === '' ? text : `${title}\n\n${text}`, mediaType: 'text/plain' };
}

async function readLines<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema>[]> {
  const lines = (await read(path)).split('\n');
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    const parsed = schema.safeParse(parseJson(line));
    if (parsed.success) return [parsed.data];
    throw new DomainError('BAD_USER_INPUT', `${path}, line ${index + 1}: ${z.prettifyError(parsed.error)}`);
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function readJudgements(folder: string): Promise<Map<string, Judgements>> {
  let text: string | undefined;
  for (const name of JUDGEMENT_FILES) text ??= await read(join(folder, name)).catch(() => undefined);
  if (text === undefined) {
    throw new DomainError('BAD_USER_INPUT', `${folder}: neither ${JUDGEMENT_FILES.join(' nor ')} is there.`);
  }
  const judgements = new Map<string, Map<string, number>>();
  for (const line of text.split('\n')) {
    const [query, document, grade] = line.trim().split('\t');
    // The first line names the columns.
    if (query === undefined || document === undefined || !Number.isFinite(Number(grade))) continue;
    const ofQuery = judgements.get(query) ?? new Map<string, number>();
    judgements.set(query, ofQuery.set(document, Number(grade)));
  }
  return judgements;
}

async function read(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/^\ufeff/, '');
  } catch (error) {
    throw new DomainError('BAD_USER_INPUT', `${path}: ${error instanceof Error ? error.message : error}`);
  }
}
