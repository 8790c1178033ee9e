/**
 * Tokens from the process that makes them to subscribers at another process, through Redis: our log and edge against
 * XADD, XREAD and `ws`. Each token is stored before the next one of its run. Throughput and CPU time (executor and edge
 * together) with runs at full speed; latency from before the append to the subscriber with a token every 20 ms.
 * Arguments: runs, tokens a run, rounds. Needs REDIS_URL (or REDIS_URL_TEST), which `npm run servers -- start` prints.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { SystemClock } from '../src/adapters/system/clock.ts';
import { UlidGenerator } from '../src/adapters/system/ids.ts';
import { SystemRandom } from '../src/adapters/system/random.ts';
import { interleave, median, printTable } from './harness.ts';

const [RUNS = 64, TOKENS = 200, ROUNDS = 9] = process.argv.slice(2).map(Number);
const PACED_TOKENS = 50;
const PACE_MS = 20;
const QUERY =
  'subscription Watch($runId: ID!) { runEvents(runId: $runId) { __typename cursor sequence ... on TokenDelta { text } } }';
const redis = process.env['REDIS_URL'] ?? process.env['REDIS_URL_TEST'];
if (redis === undefined) throw new Error('REDIS_URL is not set; `npm run servers -- start` prints it');
const ids = new UlidGenerator(new SystemClock(), new SystemRandom());
const workspaceId = ids.next('wsp');

type Kind = 'ours' | 'bare';
interface Pipe {
  readonly kind: Kind;
  readonly executor: ChildProcess;
  readonly edge: ChildProcess;
  readonly url: string;
}

async function ask<Answer>(child: ChildProcess, message: object): Promise<Answer> {
  child.send(message);
  return (await once(child, 'message'))[0] as Answer;
}

async function open(kind: Kind): Promise<Pipe> {
  const path = fileURLToPath(new URL('./run-events-node.ts', import.meta.url));
  const start = async (role: string) => {
    const child = fork(path, [kind, role, redis ?? '', workspaceId]);
    const [{ url }] = (await once(child, 'message')) as [{ url: string }];
    return { child, url };
  };
  const [executor, edge] = await Promise.all([start('executor'), start('edge')]);
  return { kind, executor: executor.child, edge: edge.child, url: edge.url };
}

/** Subscribed, and waiting; `onText` gets every token. */
async function subscribe(
  { kind, url }: Pipe,
  runId: string,
  onText: (text: string) => void,
): Promise<WebSocket> {
  const socket =
    kind === 'ours' ? new WebSocket(url, 'graphql-transport-ws') : new WebSocket(`${url}/${runId}`);
  const waiting = Promise.withResolvers<void>();
  socket.on('message', (data) => {
    const frame = String(data);
    const text = /"text":"([^"]*)"/.exec(frame)?.[1];
    if (text !== undefined) return onText(text);
    if (frame.includes('connection_ack')) {
      socket.send(
        JSON.stringify({ id: '1', type: 'subscribe', payload: { query: QUERY, variables: { runId } } }),
      );
      // Its answer comes after the subscription was read.
      socket.send('{"type":"ping"}');
    } else waiting.resolve();
  });
  await once(socket, 'open');
  if (kind === 'ours') {
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: 'Bearer x' } }));
  }
  await waiting.promise;
  return socket;
}

interface Outcome {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly latencies: readonly number[];
}

async function carry(pipe: Pipe, tokens: number, paceMs: number): Promise<Outcome> {
  const runs = Array.from({ length: RUNS }, () => ids.next('run'));
  const latencies: number[] = [];
  const arrived = Promise.withResolvers<void>();
  const onText = (text: string) => {
    latencies.push(performance.timeOrigin + performance.now() - Number(text));
    if (latencies.length === RUNS * tokens) arrived.resolve();
  };
  const sockets = await Promise.all(runs.map((run) => subscribe(pipe, run, onText)));
  await ask(pipe.edge, { do: 'reset' });
  const startedAt = performance.now();
  const executed = await ask<{ cpuMicros: number }>(pipe.executor, { runs, tokens, paceMs });
  await arrived.promise;
  const seconds = (performance.now() - startedAt) / 1_000;
  const shown = await ask<{ cpuMicros: number }>(pipe.edge, { do: 'read' });
  const closing = sockets.map((socket) => once(socket, 'close'));
  for (const socket of sockets) socket.close();
  await Promise.all(closing);
  const count = RUNS * tokens;
  return { perSecond: count / seconds, cpuMicros: (executed.cpuMicros + shown.cpuMicros) / count, latencies };
}

const pipes: Readonly<Record<Kind, Pipe>> = { ours: await open('ours'), bare: await open('bare') };
const cpu: Record<Kind, number[]> = { ours: [], bare: [] };
const fast = (kind: Kind) => async () => {
  const { perSecond, cpuMicros } = await carry(pipes[kind], TOKENS, 0);
  cpu[kind].push(cpuMicros);
  return perSecond;
};
const paced = (kind: Kind) => async () => median((await carry(pipes[kind], PACED_TOKENS, PACE_MS)).latencies);
await interleave(2, { ours: fast('ours'), bare: fast('bare') }, { quiet: true });
const rates = await interleave(ROUNDS, { ours: fast('ours'), bare: fast('bare') });
const lags = await interleave(Math.ceil(ROUNDS / 3), { ours: paced('ours'), bare: paced('bare') });
const row = (name: string, all: Record<Kind, number[]>) => {
  const [ours, bare] = [median(all.ours.slice(-ROUNDS)), median(all.bare.slice(-ROUNDS))];
  return [name, ours, bare, ours / bare];
};
printTable(
  `Tokens to a subscriber at another process, ${RUNS} runs at once (targets: 0.7; 1.5; 3 ms added)`,
  ['figure', 'ours', 'XADD, XREAD, ws', 'ratio'],
  [
    row('tokens per second', rates),
    row('CPU of both processes, µs a token', cpu),
    row(`latency p50 with a token every ${PACE_MS} ms, ms`, lags),
  ],
);
for (const { executor, edge } of Object.values(pipes)) {
  executor.kill();
  edge.kill();
}
