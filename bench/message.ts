/**
 * Server CPU of a whole answered message: authenticated, limited, stored, searched for, answered by a model in 200
 * deltas, every event durable before it is shown, settled and charged. The baseline takes the same model's stream from
 * `fetch` to `ws` and does nothing else. PostgreSQL runs in processes of its own and is printed apart.
 */

import { openBareCaller, startBareStream } from './bare-load.ts';
import { interleave, median, pinToLoadCore, printTable, SERVER_CORE } from './harness.ts';
import { type ModelScript, startModelServer } from './model-server.ts';
import { ingestCorpus, type Product, signIn, startProduct, withFolder } from './product.ts';
import { QUESTIONS } from './questions.ts';
import { type Caller, openCaller } from './run-load.ts';

const DELTA_COUNT = 200;
const CALLERS = 16;

interface Setting {
  readonly name: string;
  readonly script: ModelScript;
  readonly messagesPerRound: number;
  readonly rounds: number;
  /** Before anything is measured, so that both sides run compiled code: some two thousand messages. */
  readonly warmUpRounds: number;
}
const SETTINGS: readonly Setting[] = [
  {
    name: 'all deltas at once',
    script: { deltaCount: DELTA_COUNT },
    messagesPerRound: 96,
    rounds: 9,
    warmUpRounds: 10,
  },
  {
    name: 'one delta every 5 ms',
    script: { deltaCount: DELTA_COUNT, paceMs: 5 },
    messagesPerRound: 64,
    rounds: 5,
    warmUpRounds: 5,
  },
];

let asked = 0;
let frames = 0;

async function round(callers: readonly Caller[], messageCount: number): Promise<void> {
  let left = messageCount;
  const work = async (caller: Caller) => {
    while (left > 0) {
      left -= 1;
      asked += 1;
      const { textFrameCount } = await caller.ask(`${QUESTIONS[asked % QUESTIONS.length]} (${asked})`);
      frames += textFrameCount;
    }
  };
  await Promise.all(callers.map(work));
}

async function measure(product: Product, token: string, modelUrl: string, setting: Setting) {
  const { messagesPerRound: count, rounds, warmUpRounds } = setting;
  const bare = await startBareStream(modelUrl, SERVER_CORE);
  const ourCallers = await Promise.all(Array.from({ length: CALLERS }, () => openCaller(product.url, token)));
  const bareCallers = await Promise.all(
    Array.from({ length: CALLERS }, () => openBareCaller(bare.ready, 'socket')),
  );
  const postgres: number[] = [];
  const ourFrames: number[] = [];
  const contestants = {
    ours: async () => {
      const before = { cpu: product.process.cpuMs(), postgres: product.postgres.cpuMs(), frames };
      await round(ourCallers, count);
      postgres.push((product.postgres.cpuMs() - before.postgres) / count);
      ourFrames.push((frames - before.frames) / count);
      return (product.process.cpuMs() - before.cpu) / count;
    },
    bare: async () => {
      const before = bare.cpuMs();
      await round(bareCallers, count);
      return (bare.cpuMs() - before) / count;
    },
  };
  await interleave(warmUpRounds, contestants, { quiet: true });
  const cpu = await interleave(rounds, contestants);
  for (const caller of [...ourCallers, ...bareCallers]) caller.close();
  await bare.stop();
  return {
    ours: median(cpu.ours),
    bare: median(cpu.bare),
    postgres: median(postgres.slice(warmUpRounds)),
    frames: median(ourFrames),
  };
}

pinToLoadCore();
const rows: (string | number)[][] = [];
for (const setting of SETTINGS) {
  await withFolder(async (folder) => {
    const model = await startModelServer(setting.script);
    const env = { OPENAI_BASE_URL: model.url, MODEL: 'bench' };
    const product = await startProduct({ folder, core: SERVER_CORE, env });
    const { client, token } = await signIn(product.url);
    await ingestCorpus(client);
    const { ours, bare, postgres, frames: frameCount } = await measure(product, token, model.url, setting);
    rows.push([setting.name, ours, bare, ours / bare, postgres, frameCount]);
    await product.stop();
    await model.close();
  });
}
printTable(
  `One answered message of ${DELTA_COUNT} deltas, ${CALLERS} at a time (target: ratio ≤ 4 with deltas at once)`,
  ['model sends', 'ours, CPU ms', 'fetch → ws, CPU ms', 'ratio', 'PostgreSQL, CPU ms', 'our text frames'],
  rows,
);
