import { storageError } from '../storage-error.ts';
import { type Posting, packPostings, unpackIntegers } from './packed-values.ts';
import type { Statements } from './statements.ts';

export interface DocumentVersionKey {
  readonly workspaceKey: number;
  readonly documentKey: number;
  readonly version: number;
}

const CHUNKS =
  'SELECT key, term_count, terms FROM chunk WHERE document_key = ? AND version = ? ORDER BY ordinal';
const TOKENS = `SELECT vector.model_key, vector.token_ids FROM chunk
  JOIN vector ON vector.chunk_key = chunk.key WHERE chunk.document_key = ? AND chunk.version = ?`;

/** Adds (`sign` 1) or takes away (-1) what one version's chunks mean to the searches of its workspace. */
export function countVersion(statements: Statements, of: DocumentVersionKey, sign: 1 | -1): void {
  const postings = new Map<string, Posting[]>();
  let chunkCount = 0;
  let termCount = 0;
  for (const { key, term_count: length, terms } of statements.each(CHUNKS, of.documentKey, of.version)) {
    chunkCount += 1;
    termCount += Number(length);
    for (const [term, frequency] of decodeTerms(String(terms))) {
      const posting = { chunkKey: Number(key), frequency, length: Number(length) };
      const known = postings.get(term);
      if (known === undefined) postings.set(term, [posting]);
      else known.push(posting);
    }
  }
  writePostings(statements, of, postings, sign);
  const sql = 'UPDATE workspace SET chunk_count = chunk_count + ?, term_count = term_count + ? WHERE key = ?';
  statements.run(sql, sign * chunkCount, sign * termCount, of.workspaceKey);
  countVersionTokens(statements, of, sign);
}

function writePostings(
  statements: Statements,
  { workspaceKey, documentKey }: DocumentVersionKey,
  postings: ReadonlyMap<string, readonly Posting[]>,
  sign: 1 | -1,
): void {
  for (const [term, entries] of postings) {
    if (sign === 1) {
      const sql = 'INSERT INTO posting (workspace_key, term, document_key, entries) VALUES (?, ?, ?, ?)';
      statements.run(sql, workspaceKey, term, documentKey, packPostings(entries));
    } else {
      const sql = 'DELETE FROM posting WHERE workspace_key = ? AND term = ? AND document_key = ?';
      statements.run(sql, workspaceKey, term, documentKey);
    }
  }
}

function countVersionTokens(statements: Statements, of: DocumentVersionKey, sign: 1 | -1): void {
  const byModel = new Map<number, { chunkCount: number; readonly tokens: Map<number, number> }>();
  for (const { model_key: model, token_ids: ids } of statements.each(TOKENS, of.documentKey, of.version)) {
    const counted = byModel.get(Number(model)) ?? { chunkCount: 0, tokens: new Map<number, number>() };
    byModel.set(Number(model), counted);
    counted.chunkCount += 1;
    for (const token of unpackIntegers(ids)) counted.tokens.set(token, (counted.tokens.get(token) ?? 0) + 1);
  }
  for (const [modelKey, { chunkCount, tokens }] of byModel) {
    countTokens(statements, {
      workspaceKey: of.workspaceKey,
      modelKey,
      chunkCount: sign * chunkCount,
      tokens,
      sign,
    });
  }
}

interface TokenCounts {
  readonly workspaceKey: number;
  readonly modelKey: number;
  /** Published chunks that gain (or lose) a vector of this model. */
  readonly chunkCount: number;
  /** Chunks by token id. */
  readonly tokens: ReadonlyMap<number, number>;
  readonly sign: 1 | -1;
}

const ADD_CHUNKS = `INSERT INTO model_statistics (workspace_key, model_key, chunk_count) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET chunk_count = chunk_count + excluded.chunk_count`;
const ADD_TOKENS = `INSERT INTO token_frequency (workspace_key, model_key, token, chunk_count) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET chunk_count = chunk_count + excluded.chunk_count`;

export function countTokens(
  statements: Statements,
  { workspaceKey, modelKey, chunkCount, tokens, sign }: TokenCounts,
): void {
  if (chunkCount !== 0) statements.run(ADD_CHUNKS, workspaceKey, modelKey, chunkCount);
  for (const [token, count] of tokens)
    statements.run(ADD_TOKENS, workspaceKey, modelKey, token, sign * count);
}

/** A chunk's terms with how often each occurs, as one JSON list. */
export function encodeTerms(counts: ReadonlyMap<string, number>): string {
  return JSON.stringify([...counts].flat());
}

export function decodeTerms(text: string): Map<string, number> {
  const list: unknown = JSON.parse(text);
  const counts = new Map<string, number>();
  if (!Array.isArray(list)) throw damaged();
  for (let at = 0; at < list.length; at += 2) {
    const [term, count]: unknown[] = [list[at], list[at + 1]];
    if (typeof term !== 'string' || typeof count !== 'number') throw damaged();
    counts.set(term, count);
  }
  return counts;
}

function damaged(): Error {
  return storageError('The chunk index is damaged; restore the data folder from a backup.');
}
