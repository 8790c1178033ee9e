import { DomainError } from '../../domain/errors.ts';
import {
  FUSIONS,
  type Fusion,
  RERANKINGS,
  RETRIEVAL_MODES,
  type Reranking,
  type RetrievalMode,
} from '../../domain/retrieval.ts';

/** What is measured: everything that may differ between two columns of a table. */
export interface Configuration {
  /** `built-in`, `local:MODEL`, or `none` for words alone. */
  readonly embedder: string;
  readonly mode?: RetrievalMode;
  readonly fusion?: Fusion;
  readonly reranking?: Reranking;
}

const EMBEDDER = /^(?:built-in|none|local:.+)$/;

/** `embedder=none,mode=lexical` on top of another configuration. Throws BAD_USER_INPUT naming what it does not know. */
export function parseConfiguration(text: string, base: Configuration): Configuration {
  return text
    .split(',')
    .map((setting) => setting.trim())
    .filter((setting) => setting !== '')
    .reduce(applySetting, base);
}

function applySetting(configuration: Configuration, setting: string): Configuration {
  const [name = '', value = ''] = setting.split(/=(.*)/s);
  if (name === 'embedder' && EMBEDDER.test(value)) return { ...configuration, embedder: value };
  if (name === 'mode') return { ...configuration, mode: oneOf(RETRIEVAL_MODES, value) };
  if (name === 'fusion') return { ...configuration, fusion: oneOf(FUSIONS, value) };
  if (name === 'reranking') return { ...configuration, reranking: oneOf(RERANKINGS, value) };
  throw new DomainError(
    'BAD_USER_INPUT',
    `"${setting}" is no setting: embedder=built-in|local:MODEL|none, mode=…, fusion=…, reranking=…`,
  );
}

function oneOf<Value extends string>(values: readonly Value[], text: string): Value {
  const value = values.find((one) => one === text.toUpperCase().replaceAll('-', '_'));
  if (value === undefined)
    throw new DomainError('BAD_USER_INPUT', `"${text}" is none of ${values.join(', ')}.`);
  return value;
}

export function nameOf(configuration: Configuration): string {
  return Object.entries(configuration)
    .map(([name, value]) => (name === 'embedder' ? String(value) : `${name}=${String(value).toLowerCase()}`))
    .join(', ');
}

/** What the search is asked for; without an embedder only words are left. */
export function searchOptionsOf({ embedder, ...options }: Configuration): Omit<Configuration, 'embedder'> {
  return embedder === 'none' ? { ...options, mode: 'LEXICAL' } : options;
}

/** The embedder that documents are ingested with: words alone need none of their own. */
export function ingestedWith({ embedder }: Configuration): string {
  return embedder === 'none' ? 'built-in' : embedder;
}
