import type { RetryOptions } from './backoff.ts';
import type { Endpoints } from './endpoints.ts';
import type { TypedDocument } from './graphql-response.ts';
import type { HttpTransport, RequestOptions } from './http-transport.ts';
import { ResumingSubscription, type SubscriptionRequest } from './resuming-subscription.ts';
import type { Session } from './session.ts';
import type { SharedSocket } from './shared-socket.ts';

interface ConnectionDeps {
  readonly endpoints: Endpoints;
  readonly http: HttpTransport;
  readonly socket: SharedSocket;
  readonly session: Session;
  readonly retry: RetryOptions;
}

/** One server as one principal: what the parts of the client share. */
export class Connection {
  readonly #deps: ConnectionDeps;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
  }

  /** Sent again when it may not have arrived. */
  query<Data, Variables>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    signal?: AbortSignal,
  ): Promise<Data> {
    return this.mutate(document, variables, { signal, repeatable: true });
  }

  /** Sent once, unless the options say that repeating does no harm. */
  mutate<Data, Variables>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    options: RequestOptions = {},
  ): Promise<Data> {
    return this.#deps.http.request(this.#deps.session, document, variables, options);
  }

  subscribe<Data, Variables, Event extends { readonly cursor: string }>(
    request: SubscriptionRequest<Data, Variables, Event>,
  ): ResumingSubscription<Data, Variables, Event> {
    return new ResumingSubscription(request, this.#deps);
  }

  /** To an address that the server gave out; the address is the only credential. */
  transfer(
    method: 'PUT' | 'PATCH' | 'HEAD',
    url: string,
    init: {
      readonly body?: Blob;
      readonly headers?: Readonly<Record<string, string>>;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<Response> {
    const { body, headers, signal } = init;
    return this.#deps.http.fetch(new URL(url, this.#deps.endpoints.graphql).href, {
      method,
      ...(body && { body }),
      ...(headers && { headers }),
      ...(signal && { signal }),
    });
  }
}
