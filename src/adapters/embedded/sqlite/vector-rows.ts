import type { WorkspaceId } from '../../../domain/ids.ts';
import type { EmbeddingModelRef } from '../../../domain/ports/chunk-index.ts';
import { bytesOf, unpackIntegers } from './packed-values.ts';
import { countTokens } from './published-statistics.ts';
import type { Statements } from './statements.ts';

const PUT_VECTOR = `INSERT INTO vector (chunk_key, model_key, vector, token_ids) VALUES (?, ?, ?, ?)
  ON CONFLICT (chunk_key, model_key) DO UPDATE SET vector = excluded.vector, token_ids = excluded.token_ids`;

export interface VectorPlace {
  readonly workspaceKey: number;
  readonly modelKey: number;
  readonly chunkKey: number;
  /** The chunk is published, and nobody else counts its tokens. */
  readonly isCounted: boolean;
}
interface Embedded {
  readonly vector: Float32Array;
  readonly tokenIds: Uint32Array;
}

/** A key is made for a workspace or model that has none. */
export function workspaceKeyOf(statements: Statements, workspaceId: WorkspaceId): number {
  statements.run('INSERT INTO workspace (workspace_id) VALUES (?) ON CONFLICT DO NOTHING', workspaceId);
  const { key } = statements.get('SELECT key FROM workspace WHERE workspace_id = ?', workspaceId) ?? {};
  return Number(key);
}

export function modelKeyOf(statements: Statements, { modelId, dimensions }: EmbeddingModelRef): number {
  const put = 'INSERT INTO model (model_id, dimensions) VALUES (?, ?) ON CONFLICT DO NOTHING';
  statements.run(put, modelId, dimensions);
  const find = 'SELECT key FROM model WHERE model_id = ? AND dimensions = ?';
  const { key } = statements.get(find, modelId, dimensions) ?? {};
  return Number(key);
}

/** A visible chunk that gets its vector, for the first time or again, counts its tokens with it. */
export function putVector(statements: Statements, place: VectorPlace, { vector, tokenIds }: Embedded): void {
  const { workspaceKey, modelKey, chunkKey, isCounted } = place;
  if (isCounted) {
    discountVector(statements, place);
    countTokens(statements, { workspaceKey, modelKey, chunkCount: 1, tokens: onceEach(tokenIds), sign: 1 });
  }
  statements.run(PUT_VECTOR, chunkKey, modelKey, bytesOf(vector), bytesOf(tokenIds));
}

/** Takes what a visible chunk's stored vector of the model counts out of the statistics. */
export function discountVector(
  statements: Statements,
  { workspaceKey, modelKey, chunkKey }: Omit<VectorPlace, 'isCounted'>,
): void {
  const sql = 'SELECT token_ids FROM vector WHERE chunk_key = ? AND model_key = ?';
  const before = statements.get(sql, chunkKey, modelKey);
  if (before === undefined) return;
  const { token_ids: ids } = before;
  const tokens = onceEach(unpackIntegers(ids));
  countTokens(statements, { workspaceKey, modelKey, chunkCount: -1, tokens, sign: -1 });
}

/** Readers in other threads and processes catch up with the documents noted since. */
export function noteChange(
  statements: Statements,
  { key, workspaceKey }: { readonly key: number; readonly workspaceKey: number },
): void {
  statements.run('UPDATE workspace SET change = change + 1 WHERE key = ?', workspaceKey);
  const sql = 'UPDATE document SET change = (SELECT change FROM workspace WHERE key = ?) WHERE key = ?';
  statements.run(sql, workspaceKey, key);
}

function onceEach(tokens: Uint32Array): Map<number, number> {
  return new Map([...tokens].map((token) => [token, 1]));
}
