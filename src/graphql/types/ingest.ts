import { createUnionType, Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { IngestionStage } from '../../domain/document.ts';
import { IngestionStageEnum } from '../enums.ts';
import { DateTime, JSONObject } from '../scalars.ts';
import { DocumentObject } from './document.ts';
import {
  DocumentTooLarge,
  IdempotencyConflict,
  QuotaExceeded,
  typenameOf,
  UnsupportedDocument,
} from './failures.ts';

@InputType({ description: 'Text as the document.' })
export class TextSourceInput {
  @Field(() => String, { description: 'The text; kept unchanged, line ends included.' })
  readonly content!: string;

  @Field(() => String, { nullable: true, description: 'text/plain (default), text/markdown or text/html.' })
  readonly mediaType?: string | null;
}

/** The schema makes it @oneOf: see schema.ts. */
@InputType({ description: 'Where the document comes from: exactly one of these.' })
export class DocumentSourceInput {
  @Field(() => TextSourceInput, { nullable: true, description: 'The text itself.' })
  readonly text?: TextSourceInput | null;

  @Field(() => String, { nullable: true, description: 'A public http or https address to fetch.' })
  readonly url?: string | null;

  @Field(() => ID, { nullable: true, description: 'A finished upload.' })
  readonly uploadId?: string | null;
}

@InputType({ description: 'A document to take in.' })
export class IngestInput {
  @Field(() => String, {
    nullable: true,
    description: 'Makes repeating harmless: same key and payload, same result.',
  })
  readonly idempotencyKey?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: "Where to put it; default: the workspace's default collection.",
  })
  readonly collectionId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Your own name for it; other bytes under it make a new version.',
  })
  readonly externalId?: string | null;

  @Field(() => String, { nullable: true, description: 'Title; default: found in the text or the file name.' })
  readonly title?: string | null;

  @Field(() => DocumentSourceInput, { description: 'Where it comes from.' })
  readonly source!: DocumentSourceInput;

  @Field(() => JSONObject, {
    nullable: true,
    description: 'Fields to filter by: strings, numbers, booleans and lists of them.',
  })
  readonly metadata?: Record<string, unknown> | null;
}

@ObjectType('IngestSuccess', { simpleResolvers: true, description: 'The document is accepted and safe.' })
export class IngestSuccessObject {
  @Field(() => Boolean, {
    description: 'True: these bytes were in the collection already; nothing was done again.',
  })
  readonly duplicate!: boolean;

  @Field(() => Boolean, { description: 'True: this key came before; what it made then is here again.' })
  readonly replayed!: boolean;

  @Field(() => DocumentObject, { description: 'The document; watch documentEvents for its progress.' })
  readonly document!: DocumentObject;
}

export const IngestResult = createUnionType({
  name: 'IngestResult',
  description: 'The accepted document, or why it was not accepted.',
  types: () =>
    [IngestSuccessObject, UnsupportedDocument, DocumentTooLarge, QuotaExceeded, IdempotencyConflict] as const,
  resolveType: typenameOf,
});

@InputType({ description: 'The file that will be uploaded.' })
export class CreateUploadInput {
  @Field(() => String, { description: 'Its name, for the title and the type.' })
  readonly fileName!: string;

  @Field(() => String, { description: 'Its media type; the upload must be sent with the same.' })
  readonly mediaType!: string;

  @Field(() => Int, { description: 'Its exact size in bytes.' })
  readonly size!: number;
}

@ObjectType('CreateUploadSuccess', { simpleResolvers: true, description: 'A place to put the bytes, once.' })
export class CreateUploadSuccessObject {
  @Field(() => ID, { description: 'Name it as the source of `ingest` after the upload.' })
  readonly uploadId!: string;

  @Field(() => String, { description: 'PUT the bytes here; the address is the only credential.' })
  readonly url!: string;

  @Field(() => DateTime, { description: 'When the address stops working.' })
  readonly expiresAt!: number;
}

export const CreateUploadResult = createUnionType({
  name: 'CreateUploadResult',
  description: 'A place to put the bytes, or why there is none.',
  types: () => [CreateUploadSuccessObject, UnsupportedDocument, DocumentTooLarge, QuotaExceeded] as const,
  resolveType: typenameOf,
});

@InputType({ description: 'Which document to delete.' })
export class DeleteDocumentInput {
  @Field(() => ID, { description: 'The document.' })
  readonly documentId!: string;
}

@InputType({ description: 'Which document to take in again.' })
export class RetryDocumentInput {
  @Field(() => ID, { description: 'A document whose newest version failed.' })
  readonly documentId!: string;

  @Field(() => IngestionStageEnum, {
    nullable: true,
    description:
      'Begin here; default, and at the latest: where it failed. What earlier stages made is used again.',
  })
  readonly fromStage?: IngestionStage | null;
}

@InputType({ description: 'Which document not to take in.' })
export class CancelIngestionInput {
  @Field(() => ID, { description: 'A document whose newest version is queued or being processed.' })
  readonly documentId!: string;
}
