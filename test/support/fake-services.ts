/**
 * The planes as the edge sees them, in memory and programmable: enough behaviour for a transport to be tried against,
 * and every method replaceable by a test. Not a specification of the planes; those have their own tests.
 */
import type { Conversation, Message } from '../../src/domain/conversation.ts';
import type { Document, DocumentProgress } from '../../src/domain/document.ts';
import { notFound } from '../../src/domain/errors.ts';
import { type DocumentId, type IdOf, type IdPrefix, makeId, type RunId } from '../../src/domain/ids.ts';
import type { UserPrincipal } from '../../src/domain/principal.ts';
import type { Run, RunEvent } from '../../src/domain/run.ts';
import type { CredentialListener, Services, SignedIn } from '../../src/planes/services.ts';
import { FakeFeed } from './fake-feed.ts';

let counter = 0;
export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Deterministic ids: the n-th of a test run. */
export function fakeId<P extends IdPrefix>(prefix: P): IdOf<P> {
  counter += 1;
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setUint32(6, counter);
  return makeId(prefix, NOW, bytes);
}

export function fakePrincipal(overrides: Partial<UserPrincipal> = {}): UserPrincipal {
  return {
    kind: 'user',
    userId: fakeId('usr'),
    workspaceId: fakeId('wsp'),
    sessionId: fakeId('ses'),
    role: 'OWNER',
    expiresAt: Date.now() + 15 * 60_000,
    ...overrides,
  };
}

export function fakeDocument(overrides: Partial<Document> = {}): Document {
  return {
    id: fakeId('doc'),
    workspaceId: fakeId('wsp'),
    collectionId: fakeId('col'),
    externalId: null,
    title: 'A document',
    mediaType: 'text/plain',
    metadata: {},
    status: 'READY',
    version: 1,
    activeVersion: 1,
    chunkCount: 1,
    error: null,
    createdBy: fakeId('usr'),
    createdAt: NOW,
    updatedAt: NOW,
    ...overrides,
  };
}

export function fakeRun(overrides: Partial<Run> = {}): Run {
  return {
    id: fakeId('run'),
    workspaceId: fakeId('wsp'),
    conversationId: fakeId('cnv'),
    userId: fakeId('usr'),
    userMessageId: fakeId('msg'),
    position: 0,
    status: 'RUNNING',
    generation: 1,
    leaseOwner: 'node',
    leaseUntil: NOW,
    stopRequested: false,
    question: null,
    collectionIds: [],
    finishReason: null,
    usage: null,
    error: null,
    createdAt: NOW,
    ...overrides,
  };
}

export function fakeConversation(overrides: Partial<Conversation> = {}): Conversation {
  return {
    id: fakeId('cnv'),
    workspaceId: fakeId('wsp'),
    userId: fakeId('usr'),
    title: 'A conversation',
    createdAt: NOW,
    updatedAt: NOW,
    ...overrides,
  };
}

export function fakeMessage(overrides: Partial<Message> = {}): Message {
  return {
    id: fakeId('msg'),
    conversationId: fakeId('cnv'),
    position: 0,
    role: 'USER',
    text: 'What?',
    runId: fakeId('run'),
    citations: [],
    createdAt: NOW,
    ...overrides,
  };
}

export const EMAIL = 'test@example.com';
export const PASSWORD = 'testpassword123';

/** A test may replace any method. */
type Mutable<Apis> = { -readonly [K in keyof Apis]: { -readonly [M in keyof Apis[K]]: Apis[K][M] } };

/** Everything of one signed-in user; the test changes `services` and the maps as it likes. */
export class FakeWorld {
  readonly principal: UserPrincipal;
  /** Access token → who it is; delete one to revoke it. */
  readonly tokens = new Map<string, UserPrincipal>();
  readonly #credentialListeners = new Set<CredentialListener>();
  readonly token: string;
  readonly documents = new Map<DocumentId, Document>();
  readonly runs = new Map<RunId, { readonly run: Run; readonly answer: Message | null }>();
  /** One feed for each `watch`, in the order of the calls. */
  readonly runFeeds: FakeFeed<RunEvent>[] = [];
  readonly documentFeeds: FakeFeed<DocumentProgress>[] = [];
  /** What `watch` does with the feed it is about to return. */
  onWatch: (feed: FakeFeed<RunEvent>, runId: RunId, after: number) => void = () => undefined;
  loginCount = 0;
  readonly received: { uploadId: string; bytes: number }[] = [];
  readonly services: Mutable<Services>;

  constructor(overrides: Partial<UserPrincipal> = {}) {
    this.principal = fakePrincipal(overrides);
    this.token = this.addToken(this.principal);
    this.services = this.#createServices();
  }

  addToken(principal: UserPrincipal): string {
    const token = `token-${principal.userId}-${this.tokens.size}`;
    this.tokens.set(token, principal);
    return token;
  }

  /** From now on the token opens nothing, and whoever holds something open with it is told. */
  revoke(token: string): void {
    const revoked = this.tokens.get(token);
    this.tokens.delete(token);
    for (const listener of this.#credentialListeners) listener((principal) => principal === revoked);
  }

  addDocument(overrides: Partial<Document> = {}): Document {
    const { workspaceId } = this.principal;
    const document = fakeDocument({ workspaceId, ...overrides });
    this.documents.set(document.id, document);
    return document;
  }

  addRun(overrides: Partial<Run> = {}, answer: Message | null = null): Run {
    const { workspaceId, userId } = this.principal;
    const run = fakeRun({ workspaceId, userId, ...overrides });
    this.runs.set(run.id, { run, answer });
    return run;
  }

  signedIn(): SignedIn {
    const { userId: id, workspaceId, expiresAt } = this.principal;
    return {
      kind: 'signed-in',
      accessToken: this.token,
      expiresAt,
      refreshToken: 'refresh-token',
      user: { id, email: EMAIL },
      workspace: { id: workspaceId, name: 'Demo', defaultCollectionId: fakeId('col') },
    };
  }

  #findRun(runId: RunId) {
    const found = this.runs.get(runId);
    if (found === undefined) throw notFound('run');
    return found;
  }

  #findDocument(documentId: DocumentId): Document {
    const found = this.documents.get(documentId);
    if (found === undefined) throw notFound('document');
    return found;
  }

  #createServices(): Mutable<Services> {
    return {
      ...this.#createIdentity(),
      ...this.#createDocuments(),
      ...this.#createRuns(),
    };
  }

  #createIdentity(): Mutable<Pick<Services, 'identity' | 'workspaces'>> {
    const user = { id: this.principal.userId, email: EMAIL };
    const { workspace } = this.signedIn();
    const { role } = this.principal;
    const nothing = async () => undefined;
    return {
      identity: {
        signUp: async () => this.signedIn(),
        login: async ({ email, password }) => {
          this.loginCount += 1;
          return email === EMAIL && password === PASSWORD ? this.signedIn() : { kind: 'invalid-credentials' };
        },
        refresh: async (token) =>
          token === 'refresh-token' ? this.signedIn() : { kind: 'invalid-credentials' },
        logout: nothing,
        switchWorkspace: async () => this.signedIn(),
        authenticate: async (value) => this.tokens.get(value.replace(/^Bearer /i, '')),
        onCredentialChange: (listener) => {
          this.#credentialListeners.add(listener);
          return () => this.#credentialListeners.delete(listener);
        },
        recheck: async (principal) => [...this.tokens.values()].find((known) => known === principal),
        getUser: async () => user,
        listMemberships: async () => [{ userId: user.id, role, workspace }],
        createApiKey: async (_principal, { name, role: keyRole, scopes }) => ({
          secret: 'secret-key',
          apiKey: {
            id: fakeId('key'),
            workspaceId: workspace.id,
            userId: user.id,
            name,
            role: keyRole,
            scopes,
            secretHash: '00',
            createdAt: NOW,
            revokedAt: null,
          },
        }),
        listApiKeys: async () => [],
        revokeApiKey: nothing,
      },
      workspaces: {
        current: async () => workspace,
        usage: async () => ({ messages: 1, inputTokens: 2, outputTokens: 3, costMicros: 4 }),
        quota: async () => ({ limitMicros: null, usedMicros: 4, reservedMicros: 0, resetsAt: NOW }),
        create: async (_principal, { name }) => ({ ...workspace, id: fakeId('wsp'), name }),
        listMembers: async () => [{ userId: user.id, email: EMAIL, role }],
        putMember: async () => 'done',
        removeMember: async () => 'last-owner',
        createCollection: async (_principal, { name }) => ({ id: fakeId('col'), name, createdAt: NOW }),
        listCollections: async () => [{ id: workspace.defaultCollectionId, name: 'Default', createdAt: NOW }],
      },
    };
  }

  #createDocuments(): Mutable<Pick<Services, 'documents' | 'uploads' | 'search' | 'deployments'>> {
    return {
      documents: {
        ingest: async (_principal, { title }) => ({
          kind: 'ingested',
          document: this.addDocument({ title: title ?? 'Untitled', status: 'QUEUED' }),
          duplicate: false,
          replayed: false,
        }),
        get: async (_principal, id) => this.#findDocument(id),
        findMany: async (_principal, ids) => ids.flatMap((id) => this.documents.get(id) ?? []),
        list: async (_principal, { first, after }) => {
          const all = [...this.documents.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
          const rest = after === undefined ? all : all.filter(({ id }) => id < after.id);
          return { items: rest.slice(0, first), hasNextPage: rest.length > first };
        },
        text: async (_principal, id, { start, end }) => this.#findDocument(id).title.slice(start, end),
        remove: async (_principal, id) => {
          this.documents.delete(this.#findDocument(id).id);
        },
        retry: async (_principal, id) => this.#findDocument(id),
        cancel: async (_principal, id) => this.#findDocument(id),
        watch: async (_principal, id) => {
          this.#findDocument(id);
          const feed = new FakeFeed<DocumentProgress>();
          this.documentFeeds.push(feed);
          return feed;
        },
      },
      uploads: {
        create: async () => {
          const uploadId = fakeId('upl');
          return { kind: 'created', uploadId, path: `/uploads/${uploadId}?signature=s`, expiresAt: NOW };
        },
        progress: async () => ({ kind: 'progress', offset: 0, size: 1 }),
        append: async () => ({ kind: 'progress', offset: 1, size: 1 }),
        receive: async ({ uploadId, query, body }) => {
          if (query['signature'] !== 's') return { kind: 'refused', status: 403, message: 'Not signed.' };
          let bytes = 0;
          for await (const part of body) bytes += part.length;
          this.received.push({ uploadId, bytes });
          return { kind: 'received' };
        },
      },
      search: { search: async () => [] },
      deployments: {
        offered: () => [],
        list: async () => [],
        get: noDeployment,
        create: noDeployment,
        setCanary: noDeployment,
        promote: noDeployment,
        rollBack: noDeployment,
        retire: noDeployment,
      },
    };
  }

  #createRuns(): Mutable<Pick<Services, 'conversations' | 'runs'>> {
    const empty = { items: [], hasNextPage: false };
    return {
      conversations: {
        get: async () => {
          throw notFound('conversation');
        },
        list: async () => empty,
        messages: async () => empty,
        rename: async (_principal, id, title) => fakeConversation({ id, title }),
      },
      runs: {
        sendMessage: async (_principal, { text }) => {
          const conversation = fakeConversation();
          const run = this.addRun({ conversationId: conversation.id });
          return {
            kind: 'sent',
            replayed: false,
            conversation,
            userMessage: fakeMessage({ conversationId: conversation.id, text, runId: run.id }),
            run,
            rateLimit: { allowed: true, limit: 120, remaining: 119, resetMs: 500.4, retryAfterMs: 0 },
          };
        },
        get: async (_principal, runId) => this.#findRun(runId).run,
        findAnswer: async (_principal, run) => this.#findRun(run.id).answer,
        handovers: async () => [],
        stop: async (_principal, runId) => ({ ...this.#findRun(runId).run, status: 'STOPPED' }),
        watch: async (_principal, runId, after) => {
          this.#findRun(runId);
          const feed = new FakeFeed<RunEvent>();
          this.runFeeds.push(feed);
          this.onWatch(feed, runId, after);
          return feed;
        },
      },
    };
  }
}

async function noDeployment(): Promise<never> {
  throw notFound('embedding deployment');
}
