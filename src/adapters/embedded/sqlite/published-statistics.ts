import { packLexicon } from './lexicon.ts';
import { unpackIntegers } from './packed-values.ts';
import type { Statements } from './statements.ts';

export interface DocumentVersionKey {
  readonly workspaceKey: number;
  readonly documentKey: number;
  readonly version: number;
}

const COUNTS = `SELECT count(*) AS chunks, coalesce(sum(term_count), 0) AS terms FROM chunk
  WHERE document_key = ? AND version = ?`;
const TERMS = `SELECT content.terms FROM chunk JOIN content ON content.chunk_key = chunk.key
  WHERE chunk.document_key = ? AND chunk.version = ? ORDER BY chunk.ordinal, chunk.key`;
const TOKENS = `SELECT vector.model_key, vector.token_ids FROM chunk
  JOIN vector ON vector.chunk_key = chunk.key WHERE chunk.document_key = ? AND chunk.version = ?`;

/** Adds (`sign` 1) or takes away (-1) what one version's chunks mean to the searches of its workspace. */
export function countVersion(statements: Statements, of: DocumentVersionKey, sign: 1 | -1): void {
  const { chunks, terms } = statements.get(COUNTS, of.documentKey, of.version) ?? {};
  const sql = 'UPDATE workspace SET chunk_count = chunk_count + ?, term_count = term_count + ? WHERE key = ?';
  statements.run(sql, sign * Number(chunks), sign * Number(terms), of.workspaceKey);
  countVersionTokens(statements, of, sign);
  if (sign === -1) {
    statements.run('DELETE FROM lexicon WHERE document_key = ?', of.documentKey);
    return;
  }
  const rows = statements.all(TERMS, of.documentKey, of.version);
  const places = packLexicon(rows.map(({ terms: pairs }) => unpackIntegers(pairs)));
  statements.run('INSERT INTO lexicon (document_key, places) VALUES (?, ?)', of.documentKey, places);
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
