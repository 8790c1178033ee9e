import type { DocumentProgress } from '../../domain/document.ts';
import { notFound } from '../../domain/errors.ts';
import type { DocumentId } from '../../domain/ids.ts';
import type { DocumentProgressLog } from '../../domain/ports/documents.ts';
import type { Unsubscribe } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { MemoryDatabase } from './memory-database.ts';

export class MemoryDocumentProgressLog implements DocumentProgressLog {
  readonly #database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  async append(
    scope: WorkspaceScope,
    documentId: DocumentId,
    progress: Omit<DocumentProgress, 'sequence'>,
  ): Promise<DocumentProgress> {
    if (!this.#isOurs(scope, documentId)) throw notFound('document');
    return this.#database.appendProgress(documentId, progress);
  }

  async read(
    scope: WorkspaceScope,
    documentId: DocumentId,
    after: number,
    limit: number,
  ): Promise<readonly DocumentProgress[]> {
    if (!this.#isOurs(scope, documentId)) return [];
    const log = this.#database.documentProgress.get(documentId) ?? [];
    return log.slice(after + 1, after + 1 + limit);
  }

  async subscribe(_scope: WorkspaceScope, documentId: DocumentId, wake: () => void): Promise<Unsubscribe> {
    return this.#database.notifications.listen(documentId, wake);
  }

  #isOurs({ workspaceId }: WorkspaceScope, documentId: DocumentId): boolean {
    return this.#database.documents.get(documentId)?.workspaceId === workspaceId;
  }
}
