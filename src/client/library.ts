import type { Connection } from './connection.ts';
import { MultiDbError } from './errors.ts';
import {
  CancelIngestionDocument,
  ConversationDocument,
  ConversationsDocument,
  DeleteDocumentDocument,
  DocumentDocument,
  DocumentsDocument,
  DocumentTextDocument,
  type IngestionStage,
  RenameConversationDocument,
  RetryDocumentDocument,
} from './generated/operations.ts';
import { type EventOptions, watchDocument } from './ingestion.ts';
import type {
  Conversation,
  ConversationPage,
  Document,
  DocumentEvent,
  DocumentPage,
  PageRequest,
} from './types.ts';

/** Your own conversations in the workspace. */
export class Conversations {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Latest activity first. */
  async list(page: PageRequest = {}): Promise<ConversationPage> {
    return (await this.#connection.query(ConversationsDocument, page)).conversations;
  }

  /** With a page of its messages, oldest first. Throws NOT_FOUND. */
  async get(id: string, page: PageRequest = {}): Promise<Conversation> {
    return found((await this.#connection.query(ConversationDocument, { id, ...page })).conversation);
  }

  async rename(conversationId: string, title: string): Promise<void> {
    await this.#connection.mutate(
      RenameConversationDocument,
      { input: { conversationId, title } },
      { repeatable: true },
    );
  }
}

/** The workspace's documents. */
export class Documents {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async list(page: PageRequest = {}): Promise<DocumentPage> {
    return (await this.#connection.query(DocumentsDocument, page)).documents;
  }

  /** Throws NOT_FOUND. */
  async get(id: string): Promise<Document> {
    return found((await this.#connection.query(DocumentDocument, { id })).document);
  }

  /** The stored text between two offsets in UTF-16 units, as citations name them. Throws NOT_FOUND. */
  async text(id: string, span: { readonly start?: number; readonly end?: number } = {}): Promise<string> {
    const { document } = await this.#connection.query(DocumentTextDocument, { id, start: 0, ...span });
    return found(document).text;
  }

  /** Deletes the document, its chunks and its embeddings. Answers that cited it keep their quotes. */
  async remove(documentId: string): Promise<void> {
    await this.#connection.mutate(DeleteDocumentDocument, { input: { documentId } });
  }

  /** Takes in again what failed or was cancelled: from where it ended, or an earlier stage. Throws CONFLICT otherwise. */
  async retry(documentId: string, fromStage?: IngestionStage): Promise<Document> {
    const input = { documentId, fromStage };
    return (await this.#connection.mutate(RetryDocumentDocument, { input })).retryDocument.document;
  }

  /** Stops the ingestion; an older version stays. Throws CONFLICT when it has ended, or nearly has. */
  async cancel(documentId: string): Promise<Document> {
    const input = { documentId };
    return (await this.#connection.mutate(CancelIngestionDocument, { input })).cancelIngestion.document;
  }

  events(documentId: string, options: EventOptions = {}): AsyncIterableIterator<DocumentEvent, undefined> {
    return watchDocument(this.#connection, async () => documentId, options);
  }
}

function found<Value>(value: Value | null): Value {
  if (value === null) throw new MultiDbError('NOT_FOUND', 'There is no such thing here.');
  return value;
}
