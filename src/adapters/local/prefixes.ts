import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';

/** What a model wants before a text, because it was trained so. */
export interface Prefixes {
  readonly query: string;
  readonly document: string;
}

const NONE: Prefixes = { query: '', document: '' };
/** Families that say it in their model cards only. */
const FAMILIES: readonly { readonly name: RegExp; readonly prefixes: Prefixes }[] = [
  { name: /(^|[-_])e5[-_]/i, prefixes: { query: 'query: ', document: 'passage: ' } },
  { name: /nomic-embed-text/i, prefixes: { query: 'search_query: ', document: 'search_document: ' } },
  {
    name: /^bge-(small|base|large)-en/i,
    prefixes: { query: 'Represent this sentence for searching relevant passages: ', document: '' },
  },
];

const settingsSchema = z.looseObject({ prompts: z.record(z.string(), z.string()).optional() });

/** From the model's own prompts; else by the family that its name shows. */
export async function prefixesOf(folder: string, originalName: string | undefined): Promise<Prefixes> {
  const text = await readFile(join(folder, 'config_sentence_transformers.json'), 'utf8').catch(() => '{}');
  const prompts = settingsSchema.safeParse(JSON.parse(text)).data?.prompts ?? {};
  const query = prompts['query'] ?? prompts['search_query'];
  const document = prompts['document'] ?? prompts['passage'] ?? prompts['search_document'];
  if (query || document) return { query: query ?? '', document: document ?? '' };
  const names = [basename(folder), originalName?.split('/').at(-1) ?? ''];
  return FAMILIES.find(({ name }) => names.some((candidate) => name.test(candidate)))?.prefixes ?? NONE;
}
