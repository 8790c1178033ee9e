import type { EmbeddingModelRef } from '../../domain/ports/chunk-index.ts';
import { CLAUSE_PATHS } from './clauses.ts';
import { dimensionsOf, modelKeyOf } from './vector-codec.ts';

export const CHUNK_COLLECTION = 'chunks';
export const LEXICAL_INDEX = 'lexical';

export interface PlainIndex {
  readonly name: string;
  readonly key: Readonly<Record<string, 1>>;
}
export interface SearchIndex {
  readonly name: string;
  readonly type: 'search' | 'vectorSearch';
  readonly definition: Readonly<Record<string, unknown>>;
}

/** Every one begins with the workspace: no query of ours can be answered without it. */
export const PLAIN_INDEXES: readonly PlainIndex[] = [
  { name: 'version', key: { workspaceId: 1, documentId: 1, version: 1, ordinal: 1 } },
  { name: 'content', key: { workspaceId: 1, contentHash: 1 } },
  { name: 'terms', key: { workspaceId: 1, terms: 1, edition: 1 } },
  { name: 'models', key: { workspaceId: 1, models: 1, edition: 1 } },
  { name: 'ordered', key: { workspaceId: 1, 'ordered.field': 1, 'ordered.value': 1 } },
];

/** Our own terms, each one token as it is: what Lucene counts is what `domain/bm25.ts` counts. */
export const LEXICAL_SEARCH_INDEX: SearchIndex = {
  name: LEXICAL_INDEX,
  type: 'search',
  definition: {
    mappings: {
      dynamic: false,
      fields: {
        ...Object.fromEntries(CLAUSE_PATHS.map((path) => [path, { type: 'token' }])),
        terms: {
          type: 'string',
          analyzer: 'lucene.keyword',
          searchAnalyzer: 'lucene.keyword',
          indexOptions: 'freqs',
          store: false,
        },
      },
    },
  },
};

/** Paths and names are by model key (`vector-codec.ts`). */
export const vectorPathOf = (modelKey: string): string => `vectors.${modelKey}`;
export const tokenPathOf = (modelKey: string): string => `tokens.${modelKey}`;
export const vectorIndexNameOf = (modelKey: string): string => `vector_${modelKey}`;

/** One index a model: a new embedding deployment builds its own while the old one goes on answering. */
export function vectorIndexOf(model: EmbeddingModelRef): SearchIndex {
  return vectorIndexFor(modelKeyOf(model));
}

export function vectorIndexFor(modelKey: string): SearchIndex {
  const vector = {
    type: 'vector',
    path: vectorPathOf(modelKey),
    numDimensions: dimensionsOf(modelKey),
    similarity: 'dotProduct',
  };
  const filters = CLAUSE_PATHS.map((path) => ({ type: 'filter', path }));
  return {
    name: vectorIndexNameOf(modelKey),
    type: 'vectorSearch',
    definition: { fields: [vector, ...filters] },
  };
}

export function tokenIndexOf(model: EmbeddingModelRef): PlainIndex {
  return tokenIndexFor(modelKeyOf(model));
}

export function tokenIndexFor(modelKey: string): PlainIndex {
  return {
    name: `tokens_${modelKey}`,
    key: { workspaceId: 1, [tokenPathOf(modelKey)]: 1, edition: 1 },
  };
}

const OF_MODEL = /^(?:vector|tokens)_(d\d+_[0-9a-f]+)$/;

/** The model whose index has this name; undefined for the indexes that all models share. */
export function modelKeyOfIndex(name: string): string | undefined {
  return OF_MODEL.exec(name)?.[1];
}
