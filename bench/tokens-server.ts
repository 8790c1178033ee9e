/** Serves one side of bench/tokens.ts: a bare `ws` push, or the built edge over feeds in memory. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { WebSocketServer } from 'ws';

const [kind, subscriberCount] = process.argv.slice(2);

/** Pushes the n-th token to every subscriber. */
type Push = (sequence: number) => void;

const WORDS = ['Postgre', 'SQL', ' keeps', ' what', ' must', ' be', ' transactional', '.'];
const wordAt = (sequence: number) => WORDS[sequence % WORDS.length] ?? '';

async function serveBare(): Promise<{ readonly url: string; readonly push: Push }> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const push = (sequence: number) => {
    let run = 0;
    for (const socket of sockets.clients) {
      run += 1;
      const cursor = `cnVuXzAxa2R5YWszNDgwMDAwMDAwMDAwMDAwMDBk${run}`;
      const runEvents = { __typename: 'TokenDelta', cursor, sequence, text: wordAt(sequence) };
      socket.send(JSON.stringify({ id: '1', type: 'next', payload: { data: { runEvents } } }));
    }
  };
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, push };
}

/** A live run in memory: wakes whoever waits with the newest event, as the run-event log does. */
class LiveFeed {
  #wake: ((events: readonly unknown[] | undefined) => void) | undefined;
  #waiting: unknown[] = [];

  push(event: unknown): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake) wake([event]);
    else this.#waiting.push(event);
  }

  next(): Promise<readonly unknown[] | undefined> {
    if (this.#waiting.length > 0) return Promise.resolve(this.#waiting.splice(0));
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  close(): void {
    this.#wake?.(undefined);
  }
}

/** The build is there when a benchmark runs, but not when types are checked in a fresh clone. */
async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../dist/${path}`, import.meta.url).href)) as Module;
}

async function serveEdge(): Promise<{ readonly url: string; readonly push: Push }> {
  const { createHttpServer } = await built<typeof import('../src/app/http/server.ts')>('app/http/server.js');
  const { DEFAULT_EDGE_OPTIONS } =
    await built<typeof import('../src/app/http/options.ts')>('app/http/options.js');
  const feeds = new Set<LiveFeed>();
  const principal = {
    kind: 'user',
    userId: 'usr_1',
    workspaceId: 'wsp_1',
    role: 'OWNER',
    expiresAt: Date.now() + 3.6e6,
  };
  const watch = async () => {
    const feed = new LiveFeed();
    feeds.add(feed);
    return { next: () => feed.next(), close: () => feeds.delete(feed) && feed.close() };
  };
  const services = {
    identity: {
      authenticate: async () => principal,
      recheck: async () => principal,
      onCredentialChange: () => () => undefined,
    },
    runs: { watch },
  };
  const silent = () => undefined;
  const server = await createHttpServer({
    services,
    options: { ...DEFAULT_EDGE_OPTIONS, socketsPerPrincipalMax: Number(subscriberCount) + 1, sweepMs: 3.6e6 },
    log: { debug: silent, info: silent, warn: silent, error: console.error },
    readiness: async () => true,
    clock: { now: Date.now, sleep: () => new Promise(() => undefined) },
    random: { bytes: (count: number) => new Uint8Array(count) },
  } as never);
  const { url } = await server.listen(0, '127.0.0.1');
  const push = (sequence: number) => {
    const event = { type: 'TokenDelta', text: wordAt(sequence), sequence };
    for (const feed of feeds) feed.push({ ...event });
  };
  return { url: `${url.replace('http', 'ws')}/graphql`, push };
}

const { url, push } = await (kind === 'bare' ? serveBare() : serveEdge());
process.on('message', async (message: { readonly tokens: number }) => {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  for (let sequence = 0; sequence < message.tokens; sequence += 1) {
    push(sequence);
    // Tokens come one at a time, and sockets are flushed between them.
    await setImmediate();
  }
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpuMicros: user + system, wallMs: performance.now() - startedAt });
});
process.send?.({ url });
