/**
 * How soon a client that lost its socket has what it missed: from a new subscription on a new, authenticated socket,
 * with the last cursor, to the first missed event; while the answer goes on, and after its end (from the chat log). The
 * baseline is a round trip on the same socket, a protocol ping. `TRIALS` makes it smaller.
 */
import { WebSocket } from 'ws';
import { RunEventsDocument } from '../src/client/generated/operations.ts';
import { pinToLoadCore, printTable, quantile, SERVER_CORE } from './harness.ts';
import { startModelServer } from './model-server.ts';
import { signIn, startProduct, withFolder } from './product.ts';

const DELTA_COUNT = 200;
const PACE_MS = 10;
const TRIALS = Number(process.env['TRIALS'] ?? 1_000);
const AT_ONCE = 16;

interface Times {
  readonly missedMs: number;
  readonly pingMs: number;
}

/** Sockets as a client opens them; each reads frames one by one. */
async function openSocket(url: string, token: string) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  const frame = () =>
    new Promise<string>((resolve, reject) => {
      socket.once('message', (data) => resolve(String(data)));
      socket.once('close', (code) => reject(new Error(`socket closed: ${code}`)));
    });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
  await frame();
  return { socket, frame };
}

async function reconnect(
  url: string,
  token: string,
  variables: Readonly<Record<string, string>>,
): Promise<Times> {
  const { socket, frame } = await openSocket(url, token);
  const pinged = performance.now();
  socket.send('{"type":"ping"}');
  await frame();
  const subscribed = performance.now();
  const payload = { query: String(RunEventsDocument), variables };
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
  const first = await frame();
  const missedMs = performance.now() - subscribed;
  if (!first.includes('"next"')) throw new Error(first);
  socket.terminate();
  return { missedMs, pingMs: subscribed - pinged };
}

pinToLoadCore();
const model = await startModelServer({ deltaCount: DELTA_COUNT, paceMs: PACE_MS });
await withFolder(async (folder) => {
  const env = { OPENAI_BASE_URL: model.url, MODEL: 'bench' };
  const product = await startProduct({ folder, core: SERVER_CORE, env });
  const { client, token } = await signIn(product.url);
  const times: Record<'live' | 'finished', Times[]> = { live: [], finished: [] };

  async function lane(): Promise<void> {
    while (times.live.length < TRIALS) {
      const answer = client.ask('hello');
      const runId = (await answer.sent).run.id;
      let seen = 0;
      let after = '';
      let beginning = '';
      for await (const event of answer) {
        seen += 1;
        if (seen === 1) beginning = event.cursor;
        // A client that lost its socket a few events ago, and comes back with the last cursor that it has.
        if (seen % 20 === 5) after = event.cursor;
        if (seen % 20 === 10) times.live.push(await reconnect(product.url, token, { runId, after }));
      }
      for (let trial = 0; trial < 5; trial += 1) {
        times.finished.push(await reconnect(product.url, token, { runId, after: beginning }));
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const row = (name: string, all: readonly Times[]) => {
    const missed = all.map(({ missedMs }) => missedMs);
    const ping = all.map(({ pingMs }) => pingMs);
    const ratio = quantile(missed, 0.5) / quantile(ping, 0.5);
    return [
      name,
      String(all.length),
      quantile(missed, 0.5),
      quantile(missed, 0.99),
      quantile(ping, 0.99),
      ratio,
    ];
  };
  printTable(
    'First missed event after a reconnect, in milliseconds (target: p99 ≤ 50)',
    ['the run', 'reconnects', 'p50', 'p99', 'ping p99', 'ratio of medians'],
    [row('goes on', times.live), row('has ended', times.finished)],
  );
  client.close();
  await product.stop();
});
await model.close();
