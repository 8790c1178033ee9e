import { type RetryOptions, retryDelayMs, sleep } from './backoff.ts';
import { badResponse, MultiDbError, networkError } from './errors.ts';
import { isResponse, readData, type TypedDocument } from './graphql-response.ts';
import type { Session } from './session.ts';

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

interface HttpTransportOptions {
  readonly endpoint: string;
  readonly fetch: Fetch;
  readonly timeoutMs: number;
  readonly retry: RetryOptions;
}
export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Sent again when nobody knows whether it arrived: only for what does no harm when it happens twice. */
  readonly repeatable?: boolean;
}

/** Of a single request the person waits for; a stream has the longer patience of `RetryOptions`. */
const RETRY_COUNT_MAX = 3;

/** GraphQL over HTTP. */
export class HttpTransport {
  readonly #options: HttpTransportOptions;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
  }

  /** Signed in, if anybody is; a refused token is renewed and the request sent once more. */
  async request<Data, Variables>(
    session: Session,
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    options: RequestOptions = {},
  ): Promise<Data> {
    return this.#persist(options, async () => {
      const authorization = await session.authorization();
      try {
        return await this.send(document, variables, { ...options, authorization });
      } catch (error) {
        const refused = error instanceof MultiDbError && error.code === 'UNAUTHENTICATED';
        if (!refused || !(await session.renew(authorization))) throw error;
        return this.send(document, variables, { ...options, authorization: await session.authorization() });
      }
    });
  }

  /** One attempt. Throws MultiDbError, or the signal's reason. */
  async send<Data, Variables>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    options: { readonly signal?: AbortSignal | undefined; readonly authorization?: string | undefined } = {},
  ): Promise<Data> {
    const response = await this.fetch(this.#options.endpoint, {
      method: 'POST',
      headers: {
        accept: 'application/graphql-response+json, application/json',
        'content-type': 'application/json',
        ...(options.authorization !== undefined && { authorization: options.authorization }),
      },
      body: JSON.stringify({ query: document.toString(), variables }),
      ...(options.signal && { signal: options.signal }),
    });
    return readData<Data>(await readJson(response));
  }

  /** `fetch` with a deadline, and one kind of error. */
  async fetch(url: string, init: RequestInit & { readonly signal?: AbortSignal }): Promise<Response> {
    const deadline = AbortSignal.timeout(this.#options.timeoutMs);
    const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline;
    try {
      return await this.#options.fetch(url, { ...init, signal });
    } catch (error) {
      init.signal?.throwIfAborted();
      throw networkError(
        deadline.aborted ? 'The server did not answer in time.' : 'The server cannot be reached.',
        error,
      );
    }
  }

  async #persist<Result>(options: RequestOptions, work: () => Promise<Result>): Promise<Result> {
    for (let failureCount = 1; ; failureCount += 1) {
      try {
        return await work();
      } catch (error) {
        const delayMs = options.repeatable ? this.#delayMs(error, failureCount) : undefined;
        if (delayMs === undefined) throw error;
        await sleep(delayMs, options.signal);
      }
    }
  }

  /** A rate limit is not waited out: the caller decides whether the wait is worth it. */
  #delayMs(error: unknown, failureCount: number): number | undefined {
    if (error instanceof MultiDbError && error.code === 'RATE_LIMITED') return undefined;
    const { retry } = this.#options;
    const attemptCountMax = Math.min(retry.attemptCountMax, RETRY_COUNT_MAX);
    return retryDelayMs(error, failureCount, { ...retry, attemptCountMax });
  }
}

async function readJson(response: Response): Promise<unknown> {
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    throw networkError('The connection was lost before the answer was complete.', error);
  }
  const parsed = parseJson(text);
  if (parsed !== undefined && (response.status < 500 || isResponse(parsed))) return parsed;
  // A proxy whose server is away, or a server that is going: HTML, or JSON of its own.
  if (response.status >= 500) throw networkError(`The server cannot answer now (HTTP ${response.status}).`);
  throw badResponse(`This is not the answer of a MultiDB-AI server (HTTP ${response.status}).`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
