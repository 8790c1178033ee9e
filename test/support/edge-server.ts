import { randomFillSync } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_EDGE_OPTIONS, type EdgeOptions } from '../../src/app/http/options.ts';
import { createHttpServer, type HttpServer } from '../../src/app/http/server.ts';
import type { Clock, Log, Random } from '../../src/domain/ports/system.ts';
import type { Services } from '../../src/planes/services.ts';
import { FakeWorld } from './fake-services.ts';

export interface LogLine extends Readonly<Record<string, unknown>> {
  readonly level: string;
  readonly message: string;
}

export function recordingLog(): { readonly log: Log; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const write =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void => {
      lines.push({ ...fields, level, message });
    };
  const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  return { log, lines };
}

export const realClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => delay(ms, undefined, { ref: false, ...(signal ? { signal } : {}) }),
};
export const realRandom: Random = { bytes: (count) => randomFillSync(new Uint8Array(count)) };

export interface EdgeServer {
  readonly world: FakeWorld;
  readonly url: string;
  readonly lines: LogLine[];
  readonly server: HttpServer;
  /** POSTs an operation, signed in unless told otherwise; gives status and body. */
  ask(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly headers: Headers; readonly body: GraphqlBody }>;
  close(): Promise<void>;
}

export interface GraphqlBody {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions: Readonly<Record<string, unknown>> & { readonly code: string };
  }[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** The edge on a free loopback port, over a fake world. */
export async function startEdge(
  options: Partial<EdgeOptions> = {},
  world: FakeWorld = new FakeWorld(),
  services: Services = world.services,
): Promise<EdgeServer> {
  const { log, lines } = recordingLog();
  const server = await createHttpServer({
    services,
    options: { ...DEFAULT_EDGE_OPTIONS, ...options },
    log,
    readiness: async () => ({ status: 'ready', stores: {} }),
    clock: realClock,
    random: realRandom,
  });
  const { url } = await server.listen(0, '127.0.0.1');
  return {
    world,
    url,
    lines,
    server,
    async ask(query, variables, headers = { authorization: `Bearer ${world.token}` }) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      });
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as GraphqlBody,
      };
    },
    close: () => server.close(1_000),
  };
}
