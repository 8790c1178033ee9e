import DataLoader from 'dataloader';
import type { Document } from '../domain/document.ts';
import { DomainError } from '../domain/errors.ts';
import type { DocumentId } from '../domain/ids.ts';
import type { CollectionRecord } from '../domain/ports/identity.ts';
import type { RateLimitDecision } from '../domain/ports/limits.ts';
import type { Principal } from '../domain/principal.ts';
import type { Origin, Services } from '../planes/services.ts';

const DOCUMENT_BATCH_MAX = 100;

export interface RequestContextOptions {
  readonly services: Services;
  /** undefined: nobody is signed in. */
  readonly principal: Principal | undefined;
  /** True when a credential was sent and refused. */
  readonly credentialRefused: boolean;
  readonly origin: Origin;
  readonly requestId: string;
  /** Where clients reach this server, without a slash at the end. */
  readonly baseUrl: string;
}

/** Users and workspaces below a login carry its token, so that `login { user { memberships } }` works at once. */
export interface SignedInSource {
  readonly accessToken?: string | undefined;
}

/**
 * What resolvers know of one operation. Made once per operation on every transport, so loaders never outlive it.
 * No #private members: Apollo copies the context's own properties onto a new object of the same class.
 */
export class RequestContext {
  readonly services: Services;
  readonly principal: Principal | undefined;
  readonly origin: Origin;
  readonly requestId: string;
  readonly baseUrl: string;
  /** Set by the resolver that was rate-limited; goes into the response's extensions. */
  rateLimit: RateLimitDecision | undefined;
  private readonly credentialRefused: boolean;
  private documents: DataLoader<DocumentId, Document | null> | undefined;
  private collections: Promise<readonly CollectionRecord[]> | undefined;

  constructor(options: RequestContextOptions) {
    this.services = options.services;
    this.principal = options.principal;
    this.origin = options.origin;
    this.requestId = options.requestId;
    this.baseUrl = options.baseUrl;
    this.credentialRefused = options.credentialRefused;
  }

  /** Throws UNAUTHENTICATED. */
  requirePrincipal(): Principal {
    if (this.principal !== undefined) return this.principal;
    const message = this.credentialRefused
      ? 'This credential is not valid, or not any more.'
      : 'Sign in first: send `authorization: Bearer <access token>`.';
    throw new DomainError('UNAUTHENTICATED', message);
  }

  /** Who acts on what a login of this very operation returned: its token, else the caller. Throws UNAUTHENTICATED. */
  async actingPrincipal(source: SignedInSource): Promise<Principal> {
    if (source.accessToken === undefined) return this.requirePrincipal();
    const principal = await this.services.identity.authenticate(`Bearer ${source.accessToken}`);
    return principal ?? this.requirePrincipal();
  }

  /** A document of the principal's workspace, null once it is deleted. Batched within the operation. */
  findDocument(documentId: DocumentId): Promise<Document | null> {
    this.documents ??= new DataLoader((ids) => this.findDocuments(ids), {
      maxBatchSize: DOCUMENT_BATCH_MAX,
    });
    return this.documents.load(documentId);
  }

  listCollections(): Promise<readonly CollectionRecord[]> {
    this.collections ??= this.services.workspaces.listCollections(this.requirePrincipal());
    return this.collections;
  }

  private async findDocuments(ids: readonly DocumentId[]): Promise<(Document | null)[]> {
    const found = await this.services.documents.findMany(this.requirePrincipal(), ids);
    const byId = new Map(found.map((document) => [document.id, document]));
    return ids.map((id) => byId.get(id) ?? null);
  }
}
