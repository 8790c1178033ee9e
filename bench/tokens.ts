/**
 * What a token costs the server: 1,000 WebSocket subscribers of 1,000 runs, 200 tokens each, against a bare `ws` push of
 * the same JSON. Server and load are separate processes; the figure is the server's CPU time per token, and rounds of the
 * two alternate. `npm run build` first, then `node bench/tokens.ts`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const SUBSCRIBER_COUNT = 1_000;
const TOKEN_COUNT = 200;
const ROUND_COUNT = 5;

type Kind = 'bare' | 'edge';

interface Server {
  readonly process: ChildProcess;
  readonly url: string;
}
interface Figures {
  readonly cpuMicros: number;
  readonly wallMs: number;
}

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function ask<Answer>(process: ChildProcess, message: unknown): Promise<Answer> {
  process.send(message as never);
  const [answer] = await once(process, 'message');
  return answer as Answer;
}

async function start(kind: Kind): Promise<Server> {
  const process = fork(path('./tokens-server.ts'), [kind, String(SUBSCRIBER_COUNT)]);
  const [ready] = (await once(process, 'message')) as [{ readonly url: string }];
  return { process, url: ready.url };
}

/** One round: everybody subscribes, then the server pushes all tokens while its CPU time is taken. */
async function measure(server: Server, load: ChildProcess, kind: Kind): Promise<Figures> {
  await ask(load, { do: 'subscribe', url: server.url, kind, count: SUBSCRIBER_COUNT });
  const received = ask<{ readonly tokens: number }>(load, {
    do: 'receive',
    count: SUBSCRIBER_COUNT * TOKEN_COUNT,
  });
  const figures = await ask<Figures>(server.process, { do: 'push', tokens: TOKEN_COUNT });
  const { tokens } = await received;
  if (tokens !== SUBSCRIBER_COUNT * TOKEN_COUNT) throw new Error(`${kind}: ${tokens} tokens arrived`);
  await ask(load, { do: 'leave' });
  return figures;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const load = fork(path('./tokens-load.ts'));
const servers: Readonly<Record<Kind, Server>> = { bare: await start('bare'), edge: await start('edge') };
const figures: Record<Kind, Figures[]> = { bare: [], edge: [] };
for (let round = 0; round <= ROUND_COUNT; round += 1) {
  for (const kind of ['bare', 'edge'] as const) {
    const measured = await measure(servers[kind], load, kind);
    // The first round warms both up.
    if (round > 0) figures[kind].push(measured);
  }
}
const perToken = (kind: Kind) =>
  median(figures[kind].map(({ cpuMicros }) => cpuMicros / (SUBSCRIBER_COUNT * TOKEN_COUNT)));
const wall = (kind: Kind) => median(figures[kind].map(({ wallMs }) => wallMs));
console.table({
  'bare ws push': { 'CPU µs per token': perToken('bare').toFixed(2), 'wall ms': wall('bare').toFixed(0) },
  'GraphQL edge': { 'CPU µs per token': perToken('edge').toFixed(2), 'wall ms': wall('edge').toFixed(0) },
});
console.log(`ratio ${(perToken('edge') / perToken('bare')).toFixed(2)} (aim: at most 1.60)`);
for (const child of [load, servers.bare.process, servers.edge.process]) child.kill();
