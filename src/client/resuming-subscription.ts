import { type RetryOptions, retryDelayMs, sleep } from './backoff.ts';
import { badResponse, MultiDbError, networkError } from './errors.ts';
import { graphQLError, readData, type TypedDocument } from './graphql-response.ts';
import type { Session } from './session.ts';
import type { SharedSocket } from './shared-socket.ts';

/** What tells a stream's events apart and knows its end. One per subscription; it may keep state. */
export interface Continuity<Event> {
  /** `seen`: it came before. `gap`: something between it and the last event is missing. */
  admit(event: Event): 'next' | 'seen' | 'gap';
  /** Nothing can follow: the reader need not wait for the server to say so. */
  isFinal(event: Event): boolean;
  /** The server may end the stream here; anywhere else its end is taken for a loss. */
  mayBeLast(event: Event): boolean;
}
type Resumable<Variables> = Variables & { readonly after?: string | null | undefined };
export interface SubscriptionRequest<Data, Variables, Event> {
  readonly document: TypedDocument<Data, Variables>;
  /** Called once, when the first event is asked for. If it fails, so does the subscription. */
  readonly variables: () => Promise<Resumable<Variables>>;
  readonly read: (data: Data) => Event;
  readonly continuity: Continuity<Event>;
  /** Ends the subscription by throwing its reason; what happens at the server goes on. */
  readonly signal?: AbortSignal | undefined;
}
interface SubscriptionDeps {
  readonly socket: SharedSocket;
  readonly session: Session;
  readonly retry: RetryOptions;
}

/** Received and not yet asked for. A reader slower than this lets the server wait: it is resumed by cursor. */
const BUFFERED_EVENT_COUNT_MAX = 1_000;
/** No token (4401), or one that is not, or no longer, good (4403). */
const UNAUTHENTICATED_CLOSE_CODES: ReadonlySet<number> = new Set([4401, 4403]);
/** Both sides would say the same again: bad message, wrong subprotocol, duplicate id, second init. */
const HOPELESS_CLOSE_CODES: ReadonlySet<number> = new Set([4400, 4406, 4409, 4429]);

type Waiting<Event> = {
  readonly resolve: (result: IteratorResult<Event, undefined>) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * A subscription that outlives its socket: after any loss it goes on behind the last event it received, so that its
 * reader sees every event once, in order, and one end. A token that ran out is renewed on the way. Written by hand, as
 * an async generator's `return()` cannot interrupt its pending `next()`.
 */
export class ResumingSubscription<Data, Variables, Event extends { readonly cursor: string }>
  implements AsyncIterableIterator<Event, undefined>
{
  readonly #request: SubscriptionRequest<Data, Variables, Event>;
  readonly #deps: SubscriptionDeps;
  readonly #buffer: Event[] = [];
  readonly #waiting: Waiting<Event>[] = [];
  readonly #ended = new AbortController();
  #variables: Resumable<Variables> | undefined;
  #cursor: string | undefined;
  #lastEvent: Event | undefined;
  /** In a row, without an event between them. */
  #failureCount = 0;
  #renewed = false;
  #error: { readonly reason: unknown } | undefined;
  #stop: (() => void) | undefined;
  #state: 'idle' | 'running' | 'ended' = 'idle';

  constructor(request: SubscriptionRequest<Data, Variables, Event>, deps: SubscriptionDeps) {
    this.#request = request;
    this.#deps = deps;
    const { signal } = request;
    const abort = () => {
      this.#buffer.length = 0;
      this.#end({ reason: signal?.reason });
    };
    signal?.addEventListener('abort', abort, { once: true, signal: this.#ended.signal });
    if (signal?.aborted) abort();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Opens the subscription at the first call. After the end, or an error thrown once, it is done. */
  next(): Promise<IteratorResult<Event, undefined>> {
    const event = this.#buffer.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#error !== undefined) {
      const { reason } = this.#error;
      this.#error = undefined;
      return Promise.reject(reason);
    }
    if (this.#state === 'ended') return Promise.resolve({ done: true, value: undefined });
    if (this.#state === 'idle') void this.#begin();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Closes the subscription and ends a pending `next`. */
  return(): Promise<IteratorResult<Event, undefined>> {
    this.#buffer.length = 0;
    this.#end(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  async #begin(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'running';
    try {
      this.#variables ??= await this.#request.variables();
    } catch (reason) {
      this.#end({ reason });
      return;
    }
    await this.#open(this.#variables);
  }

  async #open(variables: Resumable<Variables>): Promise<void> {
    if (this.#ended.signal.aborted) return;
    try {
      const authorization = await this.#deps.session.authorization();
      if (this.#ended.signal.aborted) return;
      this.#subscribe(variables, authorization);
    } catch (error) {
      await this.#recover(error);
    }
  }

  #subscribe(variables: Resumable<Variables>, authorization: string | undefined): void {
    const query = this.#request.document.toString();
    const after = this.#cursor ?? variables.after;
    this.#stop = this.#deps.socket.start(
      { query, variables: { ...variables, after }, authorization },
      {
        next: (response) => this.#receive(response, authorization),
        rejected: (errors) => void this.#recover(graphQLError(errors), authorization),
        completed: () => this.#completed(),
        lost: (code) => void this.#recover(lossOf(code), authorization),
      },
    );
  }

  #receive(response: unknown, authorization: string | undefined): void {
    let event: Event;
    try {
      event = this.#request.read(readData<Data>(response));
    } catch (error) {
      this.#halt();
      void this.#recover(error, authorization);
      return;
    }
    const verdict = this.#request.continuity.admit(event);
    if (verdict === 'seen') return;
    if (verdict === 'gap') {
      this.#halt();
      void this.#recover(networkError('The server left out an event.'));
      return;
    }
    this.#deliver(event);
  }

  #deliver(event: Event): void {
    this.#cursor = event.cursor;
    this.#lastEvent = event;
    this.#failureCount = 0;
    this.#renewed = false;
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve({ done: false, value: event });
    else this.#buffer.push(event);
    if (this.#request.continuity.isFinal(event)) this.#end(undefined);
    else if (this.#buffer.length >= BUFFERED_EVENT_COUNT_MAX) {
      this.#halt();
      this.#state = 'idle';
    }
  }

  /** A server that shuts down may end its streams early. */
  #completed(): void {
    const last = this.#lastEvent;
    if (last === undefined || this.#request.continuity.mayBeLast(last)) this.#end(undefined);
    else void this.#recover(networkError('The stream ended too early.'));
  }

  async #recover(error: unknown, authorization?: string): Promise<void> {
    if (this.#ended.signal.aborted) return;
    try {
      await this.#prepareRetry(error, authorization);
    } catch (reason) {
      this.#end({ reason });
      return;
    }
    await this.#begin();
  }

  /** Resolves when it is time to try again; throws when that would be no use. */
  async #prepareRetry(error: unknown, authorization: string | undefined): Promise<void> {
    const failure = await this.#renew(error, authorization);
    if (failure === undefined) return;
    this.#failureCount += 1;
    const delayMs = retryDelayMs(failure, this.#failureCount, this.#deps.retry);
    if (delayMs === undefined) throw failure;
    await sleep(delayMs, this.#ended.signal);
  }

  /** undefined when a new token was all that was missing; else what is wrong. One new token between two events. */
  async #renew(error: unknown, authorization: string | undefined): Promise<unknown> {
    if (!(error instanceof MultiDbError) || error.code !== 'UNAUTHENTICATED' || this.#renewed) return error;
    try {
      this.#renewed = await this.#deps.session.renew(authorization);
      return this.#renewed ? undefined : error;
    } catch (failure) {
      return failure;
    }
  }

  #halt(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #end(error: { readonly reason: unknown } | undefined): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#halt();
    this.#ended.abort();
    const [first, ...others] = this.#waiting.splice(0);
    if (first === undefined) this.#error = error;
    else if (error === undefined) first.resolve({ done: true, value: undefined });
    else first.reject(error.reason);
    for (const { resolve } of others) resolve({ done: true, value: undefined });
  }
}

function lossOf(code: number | undefined): MultiDbError {
  if (code === undefined) return networkError('The connection was lost.');
  if (UNAUTHENTICATED_CLOSE_CODES.has(code)) {
    return new MultiDbError('UNAUTHENTICATED', 'You are not signed in, or not any more.');
  }
  if (!HOPELESS_CLOSE_CODES.has(code)) return networkError(`The connection was lost (${code}).`);
  return badResponse(`The server closed the connection (${code}).`);
}
