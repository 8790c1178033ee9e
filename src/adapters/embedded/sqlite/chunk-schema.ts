import type { DatabaseSchema } from './open-database.ts';

/**
 * The chunk index. Statistics, lexicons and token frequencies are those of published chunks only, and change in the
 * transaction that publishes. A document's lexicon lists its terms and where they occur; a search needs it in memory,
 * turned round (a table of postings by term was tried: each document touched a thousand pages). `change` counts the
 * visible changes of a workspace and notes the last one of each document: a reader in another thread or process catches
 * up with it. (A removed document's row stays as the note of its removal.)
 */
export const CHUNK_SCHEMA: DatabaseSchema = {
  applicationId: 0x6d_64_62_02,
  migrations: [
    `CREATE TABLE workspace (
       key INTEGER PRIMARY KEY, workspace_id TEXT NOT NULL UNIQUE, change INTEGER NOT NULL DEFAULT 0,
       chunk_count INTEGER NOT NULL DEFAULT 0, term_count INTEGER NOT NULL DEFAULT 0) STRICT;
     CREATE TABLE model (
       key INTEGER PRIMARY KEY, model_id TEXT NOT NULL, dimensions INTEGER NOT NULL,
       UNIQUE (model_id, dimensions)) STRICT;
     CREATE TABLE document (
       key INTEGER PRIMARY KEY, workspace_key INTEGER NOT NULL, document_id TEXT NOT NULL,
       active_version INTEGER NOT NULL DEFAULT 0, change INTEGER NOT NULL DEFAULT 0,
       UNIQUE (workspace_key, document_id)) STRICT;
     CREATE INDEX document_change ON document (workspace_key, change);
     CREATE TABLE chunk (
       key INTEGER PRIMARY KEY, workspace_key INTEGER NOT NULL, chunk_id TEXT NOT NULL,
       document_key INTEGER NOT NULL, version INTEGER NOT NULL, ordinal INTEGER NOT NULL,
       collection_id TEXT NOT NULL, metadata TEXT NOT NULL, content_hash TEXT NOT NULL, term_count INTEGER NOT NULL,
       UNIQUE (workspace_key, chunk_id)) STRICT;
     CREATE INDEX chunk_version ON chunk (document_key, version, ordinal);
     CREATE INDEX chunk_hash ON chunk (workspace_key, content_hash);
     CREATE TABLE content (chunk_key INTEGER PRIMARY KEY, content TEXT NOT NULL, terms BLOB NOT NULL) STRICT;
     CREATE TABLE vector (
       key INTEGER PRIMARY KEY, chunk_key INTEGER NOT NULL, model_key INTEGER NOT NULL,
       vector BLOB NOT NULL, token_ids BLOB NOT NULL, UNIQUE (chunk_key, model_key)) STRICT;
     CREATE TABLE term (key INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE) STRICT;
     CREATE TABLE lexicon (document_key INTEGER PRIMARY KEY, places BLOB NOT NULL) STRICT;
     CREATE TABLE model_statistics (
       workspace_key INTEGER NOT NULL, model_key INTEGER NOT NULL, chunk_count INTEGER NOT NULL,
       PRIMARY KEY (workspace_key, model_key)) STRICT, WITHOUT ROWID;
     CREATE TABLE token_frequency (
       workspace_key INTEGER NOT NULL, model_key INTEGER NOT NULL, token INTEGER NOT NULL, chunk_count INTEGER NOT NULL,
       PRIMARY KEY (workspace_key, model_key, token)) STRICT, WITHOUT ROWID`,
  ],
};
