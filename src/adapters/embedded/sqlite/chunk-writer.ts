import type { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { indexedText } from '../../../domain/document.ts';
import type { DocumentId, WorkspaceId } from '../../../domain/ids.ts';
import type { EmbeddingModelRef, IndexedChunk } from '../../../domain/ports/chunk-index.ts';
import { analyze } from '../../../domain/text-analyzer.ts';
import { encodeContent } from './chunk-rows.ts';
import { inTransaction } from './open-database.ts';
import { bytesOf } from './packed-values.ts';
import { countVersion } from './published-statistics.ts';
import { Statements } from './statements.ts';
import { TermKeys } from './term-keys.ts';
import { modelKeyOf, noteChange, putVector, workspaceKeyOf } from './vector-rows.ts';

interface PreparedChunk {
  readonly chunk: IndexedChunk;
  readonly content: string;
  readonly metadata: string;
  readonly terms: readonly string[];
}
interface DocumentRow {
  readonly key: number;
  readonly workspaceKey: number;
  readonly activeVersion: number;
}

const FIND_CHUNK = `SELECT chunk.document_key, chunk.version, chunk.ordinal, chunk.collection_id, chunk.metadata,
    chunk.content_hash, content.content, document.active_version
  FROM chunk JOIN content ON content.chunk_key = chunk.key JOIN document ON document.key = chunk.document_key
  WHERE chunk.workspace_key = ? AND chunk.chunk_id = ?`;
const PUT_CHUNK = `INSERT INTO chunk (workspace_key, chunk_id, document_key, version, ordinal, collection_id,
    metadata, content_hash, term_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (workspace_key, chunk_id) DO UPDATE SET document_key = excluded.document_key,
    version = excluded.version, ordinal = excluded.ordinal, collection_id = excluded.collection_id,
    metadata = excluded.metadata, content_hash = excluded.content_hash, term_count = excluded.term_count
  RETURNING key`;
const PUT_CONTENT = `INSERT INTO content (chunk_key, content, terms) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET content = excluded.content, terms = excluded.terms`;
const VERSIONS = 'document_key = ? AND version BETWEEN ? AND ?';
const REMOVALS = [
  `DELETE FROM vector WHERE chunk_key IN (SELECT key FROM chunk WHERE ${VERSIONS})`,
  `DELETE FROM content WHERE chunk_key IN (SELECT key FROM chunk WHERE ${VERSIONS})`,
  `DELETE FROM chunk WHERE ${VERSIONS}`,
];
const VERSION_MAX = Number.MAX_SAFE_INTEGER;

/** The writing side of the chunk index: short transactions, text analysis outside of them. */
export class ChunkWriter {
  readonly #statements: Statements;
  readonly #database: DatabaseSync;
  readonly #termKeys: TermKeys;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = new Statements(database);
    this.#termKeys = new TermKeys(this.#statements);
  }

  upsert(workspaceId: WorkspaceId, model: EmbeddingModelRef, chunks: readonly IndexedChunk[]): void {
    const prepared = chunks.map(prepare);
    this.#write(() => {
      const workspaceKey = workspaceKeyOf(this.#statements, workspaceId);
      const modelKey = modelKeyOf(this.#statements, model);
      const recounted = this.#publishedDocumentsToRecount(workspaceKey, prepared);
      for (const document of recounted.values()) this.#count(document, -1);
      const seen = new Map<number, DocumentRow>();
      for (const each of prepared) {
        const document = this.#document(workspaceKey, each.chunk.documentId);
        this.#putChunk(document, modelKey, each, recounted.has(document.key));
        if (each.chunk.documentVersion === document.activeVersion) seen.set(document.key, document);
      }
      for (const document of recounted.values()) this.#count(document, 1);
      for (const document of [...recounted.values(), ...seen.values()])
        noteChange(this.#statements, document);
    });
  }

  publish(workspaceId: WorkspaceId, documentId: DocumentId, version: number): void {
    this.#write(() => {
      const document = this.#document(workspaceKeyOf(this.#statements, workspaceId), documentId);
      if (version < document.activeVersion) return;
      const isRepeated = version === document.activeVersion;
      if (document.activeVersion > 0 && !isRepeated) this.#count(document, -1);
      this.#removeVersions(document, 0, version - 1);
      if (isRepeated) return;
      this.#activate(document, version);
      this.#count({ ...document, activeVersion: version }, 1);
      noteChange(this.#statements, document);
    });
  }

  remove(workspaceId: WorkspaceId, documentId: DocumentId, version?: number): void {
    this.#write(() => {
      const document = this.#document(workspaceKeyOf(this.#statements, workspaceId), documentId);
      const isVisible =
        document.activeVersion > 0 && (version ?? document.activeVersion) === document.activeVersion;
      if (isVisible) {
        this.#count(document, -1);
        this.#activate(document, 0);
      }
      this.#removeVersions(document, version ?? 0, version ?? VERSION_MAX);
      if (isVisible) noteChange(this.#statements, document);
    });
  }

  #write(work: () => void): void {
    try {
      inTransaction(this.#database, work);
    } catch (error) {
      this.#termKeys.forget();
      throw error;
    }
  }

  #document(workspaceKey: number, documentId: DocumentId): DocumentRow {
    const put = 'INSERT INTO document (workspace_key, document_id) VALUES (?, ?) ON CONFLICT DO NOTHING';
    this.#statements.run(put, workspaceKey, documentId);
    const find = 'SELECT key, active_version FROM document WHERE workspace_key = ? AND document_id = ?';
    const { key, active_version: activeVersion } = this.#statements.get(find, workspaceKey, documentId) ?? {};
    return { key: Number(key), workspaceKey, activeVersion: Number(activeVersion) };
  }

  /** Documents whose visible chunks are about to change, by key: counted out before and in again after. */
  #publishedDocumentsToRecount(
    workspaceKey: number,
    prepared: readonly PreparedChunk[],
  ): ReadonlyMap<number, DocumentRow> {
    const documents = new Map<number, DocumentRow>();
    for (const { chunk, content, metadata } of prepared) {
      const document = this.#document(workspaceKey, chunk.documentId);
      const stored = this.#statements.get(FIND_CHUNK, workspaceKey, chunk.id);
      const { active_version: activeVersion, ...columns } = stored ?? {};
      const wanted = {
        document_key: document.key,
        version: chunk.documentVersion,
        ordinal: chunk.ordinal,
        collection_id: chunk.collectionId,
        metadata,
        content_hash: chunk.contentHash,
        content,
      };
      if (isDeepStrictEqual({ ...columns }, wanted)) continue;
      if (chunk.documentVersion === document.activeVersion) documents.set(document.key, document);
      // The id belonged to a visible chunk of another document or version, which loses it.
      const { document_key: key, version } = columns;
      if (version !== undefined && version === activeVersion) {
        documents.set(Number(key), { key: Number(key), workspaceKey, activeVersion: Number(activeVersion) });
      }
    }
    return documents;
  }

  #putChunk(document: DocumentRow, modelKey: number, prepared: PreparedChunk, isRecounted: boolean): void {
    const { chunk, content, metadata, terms } = prepared;
    const { workspaceKey } = document;
    const place = [document.key, chunk.documentVersion, chunk.ordinal, chunk.collectionId] as const;
    const rest = [metadata, chunk.contentHash, terms.length] as const;
    const { key } = this.#statements.get(PUT_CHUNK, workspaceKey, chunk.id, ...place, ...rest) ?? {};
    const chunkKey = Number(key);
    this.#statements.run(PUT_CONTENT, chunkKey, content, bytesOf(this.#termKeys.pairs(terms)));
    const isCounted = chunk.documentVersion === document.activeVersion && !isRecounted;
    putVector(this.#statements, { workspaceKey, modelKey, chunkKey, isCounted }, chunk);
  }

  #count({ key, workspaceKey, activeVersion }: DocumentRow, sign: 1 | -1): void {
    countVersion(this.#statements, { workspaceKey, documentKey: key, version: activeVersion }, sign);
  }

  #activate(document: DocumentRow, version: number): void {
    this.#statements.run('UPDATE document SET active_version = ? WHERE key = ?', version, document.key);
  }

  #removeVersions(document: DocumentRow, first: number, last: number): void {
    for (const sql of REMOVALS) this.#statements.run(sql, document.key, first, last);
  }
}

function prepare(chunk: IndexedChunk): PreparedChunk {
  const terms = analyze(indexedText(chunk.headingPath, chunk.text));
  return {
    chunk,
    content: encodeContent(chunk),
    metadata: JSON.stringify(chunk.metadata),
    terms,
  };
}
