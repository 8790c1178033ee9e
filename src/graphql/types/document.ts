import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import type { DocumentStatus, Metadata } from '../../domain/document.ts';
import type { ErrorInfo } from '../../domain/errors.ts';
import { DocumentStatusEnum } from '../enums.ts';
import { Cursor, DateTime, JSONObject } from '../scalars.ts';
import { ErrorInfoObject, NodeInterface, PageInfoObject } from './common.ts';

@ObjectType('Document', {
  implements: NodeInterface,
  simpleResolvers: true,
  description: 'Something that answers can cite. Its text is kept exactly as it was submitted or extracted.',
})
export class DocumentObject extends NodeInterface {
  @Field(() => String, { description: 'Given, or found in the text.' })
  readonly title!: string;

  @Field(() => DocumentStatusEnum, { description: 'How far the newest version is.' })
  readonly status!: DocumentStatus;

  @Field(() => Int, { description: 'The newest version, from 1.' })
  readonly version!: number;

  @Field(() => Int, { description: 'The version that searches and answers see; 0 while there is none.' })
  readonly activeVersion!: number;

  @Field(() => Int, { description: 'Chunks of the active version.' })
  readonly chunkCount!: number;

  @Field(() => ErrorInfoObject, { nullable: true, description: 'Why the newest version failed.' })
  readonly error!: ErrorInfo | null;

  @Field(() => String, { description: 'Media type of the newest version.' })
  readonly mediaType!: string;

  @Field(() => ID, { description: 'The collection that it is in.' })
  readonly collectionId!: string;

  @Field(() => String, {
    nullable: true,
    description: "The sender's own name for it; ingesting again makes a new version.",
  })
  readonly externalId!: string | null;

  @Field(() => JSONObject, { description: 'Fields that searches can filter by.' })
  readonly metadata!: Metadata;

  @Field(() => DateTime, { description: 'When it was first submitted.' })
  readonly createdAt!: number;

  @Field(() => DateTime, { description: 'When it last changed.' })
  readonly updatedAt!: number;
}

@ObjectType('DocumentEdge', { simpleResolvers: true, description: 'A document in a list.' })
export class DocumentEdgeObject {
  @Field(() => Cursor, { description: 'Its place in the list.' })
  readonly cursor!: string;

  @Field(() => DocumentObject, { description: 'The document.' })
  readonly node!: DocumentObject;
}

@ObjectType('DocumentConnection', {
  simpleResolvers: true,
  description: 'A page of documents, newest first.',
})
export class DocumentConnectionObject {
  @Field(() => [DocumentEdgeObject], { description: 'The documents of this page.' })
  readonly edges!: readonly DocumentEdgeObject[];

  @Field(() => PageInfoObject, { description: 'Where the page ends.' })
  readonly pageInfo!: PageInfoObject;
}

@ObjectType('DocumentEvent', {
  simpleResolvers: true,
  description: "One step of a document's way into the index.",
})
export class DocumentEventObject {
  @Field(() => Cursor, { description: 'Where to go on after this event.' })
  readonly cursor!: string;

  @Field(() => String, { description: 'queued, load, split, embed, index, verify, done or failed.' })
  readonly stage!: string;

  @Field(() => DocumentStatusEnum, { description: 'Status of the document at this step.' })
  readonly status!: DocumentStatus;

  @Field(() => Float, { description: 'From 0 to 1 over the whole way.' })
  readonly progress!: number;

  @Field(() => String, { nullable: true, description: 'What a person may want to know.' })
  readonly message!: string | null;

  @Field(() => Int, { description: 'The version that this is about.' })
  readonly version!: number;
}

@ObjectType('DeleteDocumentPayload', { simpleResolvers: true, description: 'What deleting did.' })
export class DeleteDocumentPayloadObject {
  @Field(() => ID, { description: 'The document that is gone.' })
  readonly deletedDocumentId!: string;
}

@ObjectType('RetryDocumentPayload', { simpleResolvers: true, description: 'What trying again did.' })
export class RetryDocumentPayloadObject {
  @Field(() => DocumentObject, { description: 'The document, queued again.' })
  readonly document!: DocumentObject;
}

@ObjectType('CancelIngestionPayload', { simpleResolvers: true, description: 'What cancelling did.' })
export class CancelIngestionPayloadObject {
  @Field(() => DocumentObject, {
    description: 'The document: failed with CANCELLED; readers still see its older version, if it has one.',
  })
  readonly document!: DocumentObject;
}
