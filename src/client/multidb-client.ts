import { Answer, type AskOptions, type WatchOptions, watchRun } from './answer.ts';
import { DEFAULT_RETRY, type RetryOptions } from './backoff.ts';
import { Connection } from './connection.ts';
import { endpointsOf } from './endpoints.ts';
import { MultiDbError, userError } from './errors.ts';
import {
  type Fusion,
  LoginDocument,
  LogoutDocument,
  MeDocument,
  RefreshSessionDocument,
  type Reranking,
  type RetrievalMode,
  RunDocument,
  SearchDocument,
  type SessionFieldsFragment,
  SignUpDocument,
  StopRunDocument,
  SwitchWorkspaceDocument,
  UsageDocument,
} from './generated/operations.ts';
import { type Fetch, HttpTransport } from './http-transport.ts';
import type { IngestOptions, IngestSource } from './ingest-source.ts';
import { Ingestion } from './ingestion.ts';
import { Conversations, Documents } from './library.ts';
import { Session } from './session.ts';
import { SharedSocket } from './shared-socket.ts';
import { memoryTokenStore, type TokenStore, type Tokens } from './token-store.ts';
import type { Filter, Me, Passage, Run, RunEvent, SignedIn, WorkspaceUsage } from './types.ts';

export interface MultiDbClientOptions {
  /** Address of the server, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /** Default: the global one. */
  readonly fetch?: Fetch;
  /** Default: the global one. */
  readonly webSocket?: typeof WebSocket;
  /** Where the session outlives the client; default: in memory. */
  readonly tokenStore?: TokenStore;
  /** How long one request may take, in milliseconds; default 30,000. */
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryOptions>;
}
export interface SearchOptions {
  /** How many passages. */
  readonly first?: number;
  readonly collectionIds?: readonly string[];
  readonly filter?: Filter;
  /** Default: HYBRID. */
  readonly mode?: RetrievalMode;
  /** Only the best passage of each document. */
  readonly onePerDocument?: boolean;
  /** Without passages that repeat a better one. */
  readonly distinct?: boolean;
  readonly fusion?: Fusion;
  readonly reranking?: Reranking;
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/** A question is often followed by the next one; a program that is done should not wait for its socket. */
const SOCKET_IDLE_MS = 1_000;

/**
 * A MultiDB-AI server as one principal. Every method throws MultiDbError, or the reason of the signal it was given.
 * Tokens are refreshed, sockets reopened and streams resumed unseen.
 */
export class MultiDbClient {
  readonly conversations: Conversations;
  readonly documents: Documents;
  readonly #http: HttpTransport;
  readonly #session: Session;
  readonly #socket: SharedSocket;
  readonly #connection: Connection;

  constructor(options: MultiDbClientOptions) {
    const endpoints = endpointsOf(options.url);
    const retry = { ...DEFAULT_RETRY, ...options.retry };
    this.#http = new HttpTransport({
      endpoint: endpoints.graphql,
      // A browser's fetch must be called on its window.
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      retry,
    });
    this.#session = new Session({
      store: options.tokenStore ?? memoryTokenStore(),
      refresh: (refreshToken) => this.#refresh(refreshToken),
    });
    this.#socket = new SharedSocket({
      url: endpoints.socket,
      webSocket: options.webSocket ?? globalThis.WebSocket,
      idleMs: SOCKET_IDLE_MS,
    });
    this.#connection = new Connection({
      endpoints,
      http: this.#http,
      socket: this.#socket,
      session: this.#session,
      retry,
    });
    this.conversations = new Conversations(this.#connection);
    this.documents = new Documents(this.#connection);
  }

  /** Throws INVALID_CREDENTIALS or TOO_MANY_ATTEMPTS. */
  async login(email: string, password: string): Promise<SignedIn> {
    const { login } = await this.#http.send(LoginDocument, { input: { email, password } });
    return this.#signIn(login);
  }

  /** Throws EMAIL_TAKEN, WEAK_PASSWORD or TOO_MANY_ATTEMPTS. */
  async signUp(email: string, password: string, workspaceName?: string): Promise<SignedIn> {
    const { signUp } = await this.#http.send(SignUpDocument, { input: { email, password, workspaceName } });
    return this.#signIn(signUp);
  }

  /** Ends the session at the server and forgets its tokens, the latter even if the server cannot be reached. */
  async logout(): Promise<void> {
    try {
      await this.#connection.mutate(LogoutDocument, {});
    } finally {
      await this.#session.signOut();
      this.#socket.reset();
    }
  }

  /** Acts as an API key from the next call on. */
  useApiKey(apiKey: string): void {
    this.#session.useApiKey(apiKey);
    this.#socket.reset();
  }

  /** Acts in another workspace of the user from the next call on. */
  async switchWorkspace(workspaceId: string): Promise<SignedIn> {
    const { switchWorkspace } = await this.#connection.mutate(SwitchWorkspaceDocument, {
      input: { workspaceId },
    });
    return this.#hold(switchWorkspace.session);
  }

  async me(): Promise<Me> {
    return (await this.#connection.query(MeDocument, {})).me;
  }

  /** What the workspace has used, and may use. */
  async usage(): Promise<WorkspaceUsage> {
    return (await this.#connection.query(UsageDocument, {})).workspace;
  }

  /** Submits a document: `await client.ingest(file).ready()`, or iterate its `events()`. */
  ingest(source: IngestSource, options: IngestOptions = {}): Ingestion {
    return new Ingestion(this.#connection, source, options);
  }

  /** Sends a message: `for await (const event of client.ask("…"))`, or `await client.ask("…").finished()`. */
  ask(text: string, options: AskOptions = {}): Answer {
    return new Answer(this.#connection, text, options);
  }

  /** The events of a run that goes on, or has long ended; the same ones every time. */
  watch(runId: string, options: WatchOptions = {}): AsyncIterableIterator<RunEvent, undefined> {
    return watchRun(this.#connection, async () => runId, options);
  }

  /** Throws NOT_FOUND. */
  async run(id: string): Promise<Run> {
    const { run } = await this.#connection.query(RunDocument, { id });
    if (run === null) throw new MultiDbError('NOT_FOUND', 'There is no such run.');
    return run;
  }

  /** Ends a run at what was shown of its answer. Whoever watches it sees its end. */
  async stop(runId: string): Promise<void> {
    await this.#connection.mutate(StopRunDocument, { input: { runId } }, { repeatable: true });
  }

  async search(query: string, { signal, ...options }: SearchOptions = {}): Promise<readonly Passage[]> {
    const { search } = await this.#connection.query(SearchDocument, { input: { query, ...options } }, signal);
    return search.passages;
  }

  /** Closes the socket. Streams that are still read would open it again. */
  close(): void {
    this.#socket.reset();
  }

  async #signIn(
    outcome:
      | ({ readonly __typename: 'LoginSuccess' } & SessionFieldsFragment)
      | { readonly __typename: string; readonly code: string; readonly message: string },
  ): Promise<SignedIn> {
    if ('code' in outcome) throw userError(outcome);
    return this.#hold(outcome);
  }

  async #hold(session: SessionFieldsFragment): Promise<SignedIn> {
    await this.#session.signIn(tokensOf(session));
    // The open socket acts for whoever opened it.
    this.#socket.reset();
    const { user, workspace } = session;
    return { user, workspace };
  }

  async #refresh(refreshToken: string): Promise<Tokens> {
    const { refreshSession } = await this.#http.send(RefreshSessionDocument, { input: { refreshToken } });
    if (refreshSession.__typename === 'LoginSuccess') return tokensOf(refreshSession);
    if (refreshSession.__typename === 'TooManyAttempts') throw userError(refreshSession);
    throw new MultiDbError('UNAUTHENTICATED', 'The session has ended. Log in again.');
  }
}

function tokensOf({ accessToken, refreshToken, expiresAt }: SessionFieldsFragment): Tokens {
  return { accessToken, refreshToken, expiresAt };
}
