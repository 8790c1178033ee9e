import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../../domain/ports/system.ts';
import { type Principal, principalKey } from '../../domain/principal.ts';
import type { RequestContext } from '../../graphql/context.ts';
import type { Services } from '../../planes/services.ts';
import { type Caller, createContext, identify } from './authentication.ts';
import type { EdgeOptions } from './options.ts';
import { SocketOutlet } from './socket-outlet.ts';

/** Close codes. graphql-ws clients come back after all of these but 4401, which says that coming back is no use. */
export const CLOSE = {
  goingAway: 1001,
  unsupportedData: 1003,
  tryAgainLater: 1013,
  unauthorized: 4401,
  forbidden: 4403,
  internalError: 4500,
} as const;

export interface SessionDependencies {
  readonly services: Services;
  readonly options: EdgeOptions;
  readonly clock: Clock;
}

export interface SocketSessionOptions extends SessionDependencies {
  readonly webSocket: WebSocket;
  readonly connection: Socket;
  readonly caller: Omit<Caller, 'principal' | 'credentialRefused'>;
}

export interface RunningOperation {
  readonly id: string;
  readonly session: SocketSession;
  readonly name: string | undefined;
  readonly requestId: string;
  readonly startedAt: number;
}

/** One WebSocket: who is behind it, and for how long. */
export class SocketSession {
  readonly outlet: SocketOutlet;
  principal: Principal | undefined;
  /** By the client's ids; bounded by the operations a socket may have. */
  readonly running = new Map<string, RunningOperation>();
  /** False from a ping until its pong. */
  alive = true;
  readonly #options: SocketSessionOptions;
  readonly #ended = new AbortController();
  #operationCount = 0;

  constructor(options: SocketSessionOptions) {
    this.#options = options;
    this.outlet = new SocketOutlet(options);
  }

  /** Undefined: no such credential; the reason says what a client should do about it. */
  async authenticate(params: Readonly<Record<string, unknown>> | undefined): Promise<Principal | undefined> {
    const { services } = this.#options;
    const { principal, credentialRefused } = await identify(services, authorizationIn(params));
    this.principal = principal;
    if (principal === undefined) {
      if (credentialRefused) this.close(CLOSE.forbidden, 'This credential is not valid, or not any more');
      else this.close(CLOSE.unauthorized, 'Send { authorization: "Bearer …" } with connection_init');
    } else if (principal.kind === 'user') {
      this.#closeAt(principal.expiresAt);
    }
    return principal;
  }

  /** The principal as it is now; closes the socket when the credential was revoked. */
  async recheck(): Promise<Principal | undefined> {
    if (this.principal === undefined) return undefined;
    this.principal = await this.#options.services.identity.recheck(this.principal);
    if (this.principal === undefined) this.close(CLOSE.forbidden, 'This credential is not valid any more');
    return this.principal;
  }

  createContext(principal: Principal): RequestContext {
    const { services, caller } = this.#options;
    this.#operationCount += 1;
    const requestId = `${caller.requestId}-${this.#operationCount}`;
    return createContext(services, { ...caller, requestId, principal, credentialRefused: false });
  }

  now(): number {
    return this.#options.clock.now();
  }

  get key(): string | undefined {
    return this.principal && principalKey(this.principal);
  }

  ping(): void {
    const { webSocket } = this.#options;
    if (webSocket.readyState !== webSocket.OPEN) return;
    if (this.alive) webSocket.ping();
    else webSocket.terminate();
    this.alive = false;
  }

  close(code: number, reason: string): void {
    this.#options.webSocket.close(code, reason);
  }

  terminate(): void {
    this.#options.webSocket.terminate();
  }

  /** The socket is closed: its timers go. */
  end(): void {
    this.#ended.abort();
  }

  #closeAt(expiresAt: number): void {
    const { clock } = this.#options;
    const remainingMs = Math.max(0, expiresAt - clock.now());
    clock.sleep(remainingMs, this.#ended.signal).then(
      () => this.close(CLOSE.forbidden, 'The access token expired'),
      () => undefined,
    );
  }
}

/** Clients spell it `authorization` or `Authorization`; a header name is the same in any case. */
function authorizationIn(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  for (const [name, value] of Object.entries(params ?? {})) {
    if (name.toLowerCase() === 'authorization' && typeof value === 'string') return value;
  }
  return undefined;
}
