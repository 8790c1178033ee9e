/**
 * One process of bench/run-events.ts. `executor`: appends tokens of many runs to Redis, each after the one before it is
 * stored. `edge`: shows them to subscribers. Ours is the built log and the built edge; bare is XADD, one blocking XREAD
 * over all streams, and `ws`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { WebSocketServer } from 'ws';

const [kind, role, url = '', workspaceId = ''] = process.argv.slice(2);
type Work = { readonly runs: readonly string[]; readonly tokens: number; readonly paceMs: number };
const stampedText = () => (performance.timeOrigin + performance.now()).toFixed(3);
const scope = { workspaceId } as never;

/** The build is there when a benchmark runs, but not when types are checked in a fresh clone. */
async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../dist/${path}`, import.meta.url).href)) as Module;
}
async function openOurLog() {
  const { openRedis } = await built<typeof import('../src/adapters/redis/open-redis.ts')>(
    'adapters/redis/open-redis.js',
  );
  const { SystemClock } =
    await built<typeof import('../src/adapters/system/clock.ts')>('adapters/system/clock.js');
  const { noopLog } = await built<typeof import('../src/adapters/system/log.ts')>('adapters/system/log.js');
  return (await openRedis({ url, clock: new SystemClock(), log: noopLog })).runEventLog;
}

type Append = (run: string, sequence: number) => Promise<unknown>;
async function ourAppend(): Promise<Append> {
  const log = await openOurLog();
  return (run, firstSequence) =>
    log.append(scope, {
      runId: run as never,
      generation: 1,
      firstSequence,
      events: [{ type: 'TokenDelta', text: stampedText() }],
    });
}
async function bareAppend(): Promise<Append> {
  const client = await createClient({ url }).connect();
  return (run) => client.xAdd(`bench:${run}`, '*', { text: stampedText() });
}

async function execute(append: Append): Promise<void> {
  process.on('message', async ({ runs, tokens, paceMs }: Work) => {
    const before = process.cpuUsage();
    const perform = async (run: string) => {
      for (let sequence = 0; sequence < tokens; sequence += 1) {
        await append(run, sequence);
        if (paceMs > 0) await sleep(paceMs);
      }
    };
    await Promise.all(runs.map(perform));
    const { user, system } = process.cpuUsage(before);
    process.send?.({ cpuMicros: user + system });
  });
  process.send?.({ url: '' });
}

async function serveOurs(): Promise<string> {
  const runEventLog = await openOurLog();
  const { createHttpServer } = await built<typeof import('../src/app/http/server.ts')>('app/http/server.js');
  const { DEFAULT_EDGE_OPTIONS } =
    await built<typeof import('../src/app/http/options.ts')>('app/http/options.js');
  const { RunFeed } = await built<typeof import('../src/planes/serving/run/run-feed.ts')>(
    'planes/serving/run/run-feed.js',
  );
  const { SystemClock } =
    await built<typeof import('../src/adapters/system/clock.ts')>('adapters/system/clock.js');
  const principal = {
    kind: 'user',
    userId: 'usr_1',
    workspaceId,
    role: 'OWNER',
    expiresAt: Date.now() + 3.6e6,
  };
  const silent = () => undefined;
  const deps = {
    runEventLog,
    chatLog: { readEvents: async () => undefined },
    settled: async () => undefined,
  };
  const server = await createHttpServer({
    services: {
      identity: {
        authenticate: async () => principal,
        recheck: async () => principal,
        onCredentialChange: () => silent,
      },
      runs: {
        watch: (_principal: unknown, id: string, after: number) =>
          RunFeed.open(deps as never, { id, workspaceId } as never, after),
      },
    },
    options: { ...DEFAULT_EDGE_OPTIONS, socketsPerPrincipalMax: 100_000 },
    log: { debug: silent, info: silent, warn: silent, error: console.error },
    readiness: async () => true,
    clock: new SystemClock(),
    random: { bytes: (count: number) => new Uint8Array(count) },
  } as never);
  return `${(await server.listen(0, '127.0.0.1')).url.replace('http', 'ws')}/graphql`;
}

/** A subscriber names its run in the path. */
async function serveBare(): Promise<string> {
  const server = createServer();
  const webSockets = new WebSocketServer({ server, perMessageDeflate: false });
  const watched = new Map<string, { id: string; send: (id: string, text: string) => void }>();
  const client = await createClient({ url, RESP: 2 }).connect();
  webSockets.on('connection', (socket, request) => {
    const run = request.url?.slice(1) ?? '';
    let sequence = 0;
    const send = (id: string, text: string) => {
      const runEvents = { __typename: 'TokenDelta', cursor: `${run}.${id}`, sequence, text };
      sequence += 1;
      socket.send(JSON.stringify({ id: '1', type: 'next', payload: { data: { runEvents } } }));
    };
    watched.set(`bench:${run}`, { id: '0', send });
    socket.on('close', () => watched.delete(`bench:${run}`));
    socket.send('{"type":"ready"}');
  });
  const read = async () => {
    for (;;) {
      if (watched.size === 0) {
        await sleep(10);
        continue;
      }
      const streams = [...watched].map(([key, { id }]) => ({ key, id }));
      // Short, because new subscribers are not in the call that blocks.
      const answer = await client.xRead(streams, { BLOCK: 100, COUNT: 500 });
      for (const { name, messages } of (answer ?? []) as {
        name: string;
        messages: { id: string; message: { text: string } }[];
      }[]) {
        const reader = watched.get(name);
        for (const { id, message } of messages) {
          if (reader === undefined) break;
          reader.id = id;
          reader.send(id, message.text);
        }
      }
    }
  };
  void read();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

if (role === 'executor') {
  await execute(await (kind === 'ours' ? ourAppend() : bareAppend()));
} else {
  const address = await (kind === 'ours' ? serveOurs() : serveBare());
  let before = process.cpuUsage();
  process.on('message', () => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    process.send?.({ cpuMicros: user + system });
  });
  process.send?.({ url: address });
}
