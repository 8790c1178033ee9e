import { z } from 'zod';
import type { DocumentProgress } from '../../domain/document.ts';
import { notFound } from '../../domain/errors.ts';
import type { DocumentId } from '../../domain/ids.ts';
import type { DocumentProgressLog } from '../../domain/ports/documents.ts';
import type { Unsubscribe } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { Database } from './database.ts';
import { documentStatus, progressStage } from './document-rows.ts';
import { CHANNELS, type PostgresListener } from './listener.ts';

/** $1 workspace, $2 document, then the event. The document's row lock makes the sequence dense across processes. */
const APPEND = {
  name: 'progress_append',
  text: `
WITH next AS (
  UPDATE documents SET progress_count = progress_count + 1 WHERE workspace_id = $1 AND id = $2
  RETURNING progress_count - 1 AS sequence
), stored AS (
  INSERT INTO document_progress (document_id, sequence, version, stage, status, progress, message)
  SELECT $2, sequence, $3, $4, $5, $6, $7 FROM next RETURNING sequence
)
SELECT sequence, pg_notify('${CHANNELS.documents}', $2) FROM stored`,
};
const READ = {
  name: 'progress_read',
  text: `SELECT p.sequence, p.version, p.stage, p.status, p.progress, p.message
FROM document_progress p JOIN documents d ON d.id = p.document_id
WHERE d.workspace_id = $1 AND p.document_id = $2 AND p.sequence > $3 ORDER BY p.sequence LIMIT $4`,
};
const appended = z.tuple([z.object({ sequence: z.int() })]);
const progressRow = z.object({
  sequence: z.int(),
  version: z.int(),
  stage: progressStage,
  status: documentStatus,
  progress: z.number(),
  message: z.string().nullable(),
});

export class PostgresDocumentProgressLog implements DocumentProgressLog {
  readonly #database: Database;
  readonly #listener: PostgresListener;

  constructor(database: Database, listener: PostgresListener) {
    this.#database = database;
    this.#listener = listener;
  }

  /** Throws NOT_FOUND when the document is gone. */
  async append(
    { workspaceId }: WorkspaceScope,
    documentId: DocumentId,
    event: Omit<DocumentProgress, 'sequence'>,
  ): Promise<DocumentProgress> {
    const { version, stage, status, progress, message } = event;
    const values = [workspaceId, documentId, version, stage, status, progress, message];
    const rows = await this.#database.query(APPEND, values);
    if (rows.length === 0) throw notFound('document');
    const [{ sequence }] = appended.parse(rows);
    return { sequence, version, stage, status, progress, message };
  }

  async read(
    { workspaceId }: WorkspaceScope,
    documentId: DocumentId,
    after: number,
    limit: number,
  ): Promise<readonly DocumentProgress[]> {
    return z
      .array(progressRow)
      .parse(await this.#database.query(READ, [workspaceId, documentId, after, limit]));
  }

  // The wake carries nothing, so the scope has nothing to protect here: what is read afterwards is scoped.
  async subscribe(_scope: WorkspaceScope, documentId: DocumentId, wake: () => void): Promise<Unsubscribe> {
    return this.#listener.subscribe(CHANNELS.documents, documentId, wake);
  }
}
