import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import type { Document } from '../../domain/document.ts';
import { assertNever, DomainError } from '../../domain/errors.ts';
import type {
  CreateUploadOutcome,
  DocumentSource,
  IngestCommand,
  IngestOutcome,
} from '../../planes/services.ts';
import type { RequestContext } from '../context.ts';
import { optionalId, optionalShortText, parseMetadata, requireId, shortText } from '../inputs.ts';
import {
  documentTooLarge,
  type Failure,
  idempotencyConflict,
  quotaExceeded,
  unsupportedDocument,
} from '../types/failures.ts';
import {
  CreateUploadInput,
  CreateUploadResult,
  type DocumentSourceInput,
  IngestInput,
  IngestResult,
} from '../types/ingest.ts';

const KEY_LENGTH_MAX = 255;
const TITLE_LENGTH_MAX = 500;
const URL_LENGTH_MAX = 2_048;
const FILE_NAME_LENGTH_MAX = 255;
const MEDIA_TYPE_LENGTH_MAX = 255;

function parseSource({ text, url, uploadId }: DocumentSourceInput): DocumentSource {
  if (text) {
    const mediaType = shortText('mediaType', text.mediaType ?? 'text/plain', MEDIA_TYPE_LENGTH_MAX);
    return { kind: 'text', content: text.content, mediaType };
  }
  if (typeof url === 'string') return { kind: 'url', url: shortText('url', url, URL_LENGTH_MAX) };
  if (typeof uploadId === 'string') return { kind: 'upload', uploadId: requireId('upl', uploadId) };
  throw new DomainError('BAD_USER_INPUT', 'Name exactly one source.');
}

function parseIngest(input: IngestInput): IngestCommand {
  return {
    source: parseSource(input.source),
    idempotencyKey: optionalShortText('idempotencyKey', input.idempotencyKey, KEY_LENGTH_MAX),
    collectionId: optionalId('col', input.collectionId),
    externalId: optionalShortText('externalId', input.externalId, KEY_LENGTH_MAX),
    title: optionalShortText('title', input.title, TITLE_LENGTH_MAX),
    metadata: parseMetadata(input.metadata),
  };
}

interface IngestSuccess {
  readonly __typename: 'IngestSuccess';
  readonly document: Document;
  readonly duplicate: boolean;
  readonly replayed: boolean;
}

function ingestResult(outcome: IngestOutcome): IngestSuccess | Failure {
  switch (outcome.kind) {
    case 'ingested':
      return {
        ...{ __typename: 'IngestSuccess', document: outcome.document },
        ...{ duplicate: outcome.duplicate, replayed: outcome.replayed },
      };
    case 'unsupported':
      return unsupportedDocument(outcome.message);
    case 'too-large':
      return documentTooLarge(outcome.message);
    case 'quota-exceeded':
      return { ...quotaExceeded, message: outcome.message };
    case 'conflict':
      return idempotencyConflict;
    default:
      return assertNever(outcome);
  }
}

function uploadResult(outcome: CreateUploadOutcome, baseUrl: string) {
  switch (outcome.kind) {
    case 'created': {
      const { uploadId, path, expiresAt } = outcome;
      return { __typename: 'CreateUploadSuccess', uploadId, url: `${baseUrl}${path}`, expiresAt };
    }
    case 'unsupported':
      return unsupportedDocument(outcome.message);
    case 'too-large':
      return documentTooLarge(outcome.message);
    default:
      return assertNever(outcome);
  }
}

@Resolver()
export class IngestResolver {
  @Mutation(() => IngestResult, { description: 'Takes in a document; indexing goes on in the background.' })
  async ingest(
    @Arg('input', () => IngestInput, { description: 'The document.' }) input: IngestInput,
    @Ctx() context: RequestContext,
  ): Promise<IngestSuccess | Failure> {
    const principal = context.requirePrincipal();
    return ingestResult(await context.services.documents.ingest(principal, parseIngest(input)));
  }

  @Mutation(() => CreateUploadResult, {
    description: 'A signed address to put the bytes of one file at, once.',
  })
  async createUpload(
    @Arg('input', () => CreateUploadInput, { description: 'The file.' }) input: CreateUploadInput,
    @Ctx() context: RequestContext,
  ): Promise<ReturnType<typeof uploadResult>> {
    const principal = context.requirePrincipal();
    const fileName = shortText('fileName', input.fileName, FILE_NAME_LENGTH_MAX);
    const mediaType = shortText('mediaType', input.mediaType, MEDIA_TYPE_LENGTH_MAX);
    if (input.size < 0) throw new DomainError('BAD_USER_INPUT', '`size` must not be negative.');
    const file = { fileName, mediaType, size: input.size };
    return uploadResult(await context.services.uploads.create(principal, file), context.baseUrl);
  }
}
