import {
  Arg,
  Ctx,
  FieldResolver,
  ID,
  Int,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { Document } from '../../domain/document.ts';
import { DomainError, notFound } from '../../domain/errors.ts';
import type { CollectionRecord } from '../../domain/ports/identity.ts';
import { type Connection, toConnection } from '../connections.ts';
import type { RequestContext } from '../context.ts';
import { documentKey, documentsOwner, encodeListCursor } from '../cursors.ts';
import { given, pageSize, requireId } from '../inputs.ts';
import { Cursor } from '../scalars.ts';
import { type DocumentEventSource, openDocumentEvents } from '../streams.ts';
import {
  CancelIngestionPayloadObject,
  DeleteDocumentPayloadObject,
  DocumentConnectionObject,
  DocumentEventObject,
  DocumentObject,
  RetryDocumentPayloadObject,
} from '../types/document.ts';
import { CancelIngestionInput, DeleteDocumentInput, RetryDocumentInput } from '../types/ingest.ts';
import { CollectionObject } from '../types/workspace.ts';

@Resolver(() => DocumentObject)
export class DocumentResolver {
  @Query(() => DocumentObject, { nullable: true, description: 'One document.' })
  document(
    @Arg('id', () => ID, { description: 'The document.' }) id: string,
    @Ctx() context: RequestContext,
  ): Promise<Document> {
    const principal = context.requirePrincipal();
    return context.services.documents.get(principal, requireId('doc', id));
  }

  @Query(() => DocumentConnectionObject, { description: 'The documents of the workspace, newest first.' })
  async documents(
    @Arg('first', () => Int, { nullable: true, description: 'Page size; default 20, at most 100.' })
    first: number | null | undefined,
    @Arg('after', () => Cursor, { nullable: true, description: 'Go on after this one.' })
    after: string | null | undefined,
    @Ctx() context: RequestContext,
  ): Promise<Connection<Document>> {
    const principal = context.requirePrincipal();
    const owner = documentsOwner(principal);
    const request = { first: pageSize(first), after: documentKey(owner, after) };
    const page = await context.services.documents.list(principal, request);
    return toConnection(page, ({ id, createdAt }) => encodeListCursor(owner, id, createdAt));
  }

  @FieldResolver(() => String, { description: 'Its stored text between two offsets in UTF-16 units.' })
  text(
    @Root() document: Document,
    @Arg('start', () => Int, { defaultValue: 0, description: 'Where to begin.' }) start: number,
    @Arg('end', () => Int, { nullable: true, description: 'Where to end, exclusive; default: at the end.' })
    end: number | null | undefined,
    @Arg('version', () => Int, { nullable: true, description: 'Of which version; default: the active one.' })
    version: number | null | undefined,
    @Ctx() context: RequestContext,
  ): Promise<string> {
    if (start < 0 || (end ?? start) < start) {
      throw new DomainError('BAD_USER_INPUT', '`start` must not be negative, nor `end` before it.');
    }
    const span = { start, end: given(end), version: given(version) };
    return context.services.documents.text(context.requirePrincipal(), document.id, span);
  }

  @FieldResolver(() => CollectionObject, { description: 'The collection that it is in.' })
  async collection(@Root() document: Document, @Ctx() context: RequestContext): Promise<CollectionRecord> {
    const collections = await context.listCollections();
    const collection = collections.find(({ id }) => id === document.collectionId);
    if (collection === undefined) throw notFound('collection');
    return collection;
  }

  @Mutation(() => DeleteDocumentPayloadObject, {
    description: 'Removes a document, its chunks and vectors; answers keep their quotes.',
  })
  async deleteDocument(
    @Arg('input', () => DeleteDocumentInput, { description: 'Which document.' }) input: DeleteDocumentInput,
    @Ctx() context: RequestContext,
  ): Promise<DeleteDocumentPayloadObject> {
    const principal = context.requirePrincipal();
    const documentId = requireId('doc', input.documentId);
    await context.services.documents.remove(principal, documentId);
    return { deletedDocumentId: documentId };
  }

  @Mutation(() => RetryDocumentPayloadObject, {
    description: 'Takes a document in again that failed or was cancelled; CONFLICT if it did not.',
  })
  async retryDocument(
    @Arg('input', () => RetryDocumentInput, { description: 'Which document.' }) input: RetryDocumentInput,
    @Ctx() context: RequestContext,
  ): Promise<{ readonly document: Document }> {
    const documentId = requireId('doc', input.documentId);
    const stage = given(input.fromStage);
    return {
      document: await context.services.documents.retry(context.requirePrincipal(), documentId, stage),
    };
  }

  @Mutation(() => CancelIngestionPayloadObject, {
    description:
      'Stops taking a document in; CONFLICT if that has ended, or its chunks are becoming visible.',
  })
  async cancelIngestion(
    @Arg('input', () => CancelIngestionInput, { description: 'Which document.' }) input: CancelIngestionInput,
    @Ctx() context: RequestContext,
  ): Promise<{ readonly document: Document }> {
    const documentId = requireId('doc', input.documentId);
    return { document: await context.services.documents.cancel(context.requirePrincipal(), documentId) };
  }

  @Subscription(() => DocumentEventObject, {
    description: 'How a document gets into the index: what was, then live, until it is ready or failed.',
    subscribe: ({ args, context }) => openDocumentEvents(context, args),
  })
  documentEvents(
    @Root() event: DocumentEventSource,
    @Arg('documentId', () => ID, { description: 'The document.' }) _documentId: string,
    @Arg('after', () => Cursor, { nullable: true, description: 'Go on after this event.' })
    _after: string | null | undefined,
  ): DocumentEventSource {
    return event;
  }
}
