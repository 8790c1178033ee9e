/**
 * From `sendMessage` until the first token is on the subscriber's socket, with a model that answers at once: what all of
 * authentication, limits, the run's transaction, the durable log, search and the agent add to passing the model's
 * stream through. The baseline is one Fastify route that calls `fetch` and pushes to `ws`. Messages go one at a time,
 * in turn to the one and the other, so that both meet the same machine.
 */

import { openBareCaller, startBareStream } from './bare-load.ts';
import { interleave, pinToLoadCore, printTable, quantile, SERVER_CORE } from './harness.ts';
import { startModelServer } from './model-server.ts';
import { ingestCorpus, signIn, startProduct, withFolder } from './product.ts';
import { QUESTIONS } from './questions.ts';
import { type Caller, openCaller } from './run-load.ts';

const WARM_UP_MESSAGES = 300;
const MESSAGES = 400;
const DELTA_COUNT = 5;

let asked = 0;

async function firstTokenMs(caller: Caller): Promise<number> {
  asked += 1;
  const { firstTextMs } = await caller.ask(`${QUESTIONS[asked % QUESTIONS.length]} (${asked})`);
  return firstTextMs;
}

pinToLoadCore();
await withFolder(async (folder) => {
  const model = await startModelServer({ deltaCount: DELTA_COUNT });
  const env = { OPENAI_BASE_URL: model.url, MODEL: 'bench' };
  const product = await startProduct({ folder, core: SERVER_CORE, env });
  const bare = await startBareStream(model.url, SERVER_CORE);
  const { client, token } = await signIn(product.url);
  await ingestCorpus(client);
  const ours = await openCaller(product.url, token);
  const theirs = await openBareCaller(bare.ready, 'http');
  const contestants = { ours: () => firstTokenMs(ours), bare: () => firstTokenMs(theirs) };
  await interleave(WARM_UP_MESSAGES, contestants, { quiet: true });
  const ms = await interleave(MESSAGES, contestants, { quiet: true });
  ours.close();
  theirs.close();
  await Promise.all([product.stop(), bare.stop()]);
  await model.close();
  const row = (name: string, share: number, target: string) => {
    const [added, base] = [quantile(ms.ours, share), quantile(ms.bare, share)];
    return [name, added, base, added - base, target];
  };
  printTable(
    'sendMessage to the first token, model answering at once',
    ['', 'ours, ms', 'Fastify + fetch → ws, ms', 'what we add, ms', 'target'],
    [row('p50', 0.5, '≤ 8'), row('p90', 0.9, ''), row('p99', 0.99, '≤ 30')],
  );
});
