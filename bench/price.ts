/**
 * The price of exactness: CPU of `sendMessage` and its stream with reservation, fenced and durable events, settlement
 * and ledger, against the same flow with a ledger and logs that keep nothing. Two servers of the same code, interleaved
 * rounds, one model; PostgreSQL's own processes are counted too. `MESSAGES` and `ROUNDS` make it smaller.
 */
import { fileURLToPath } from 'node:url';
import { interleave, median, pinToLoadCore, printTable, SERVER_CORE, spawnMeasured } from './harness.ts';
import { startModelServer } from './model-server.ts';
import { ingestCorpus, postgresOf, SETTINGS, signIn, withFolder } from './product.ts';
import { QUESTIONS } from './questions.ts';
import { type Caller, openCaller } from './run-load.ts';

const DELTA_COUNT = 200;
const PACE_MS = 5;
const CALLERS = 16;
const MESSAGES = Number(process.env['MESSAGES'] ?? 64);
const ROUNDS = Number(process.env['ROUNDS'] ?? 9);
const WARM_UP_ROUNDS = Math.min(ROUNDS, 6);
const SERVER = fileURLToPath(new URL('./price-server.ts', import.meta.url));

async function startContestant(mode: 'exact' | 'bare', folder: string, modelUrl: string) {
  const process = await spawnMeasured({
    args: ['--disable-warning=ExperimentalWarning', SERVER, mode],
    env: { ...SETTINGS, DATA_DIR: folder, OPENAI_BASE_URL: modelUrl, MODEL: 'bench' },
    core: SERVER_CORE,
  });
  const { client, token } = await signIn(process.ready);
  await ingestCorpus(client);
  const callers = await Promise.all(Array.from({ length: CALLERS }, () => openCaller(process.ready, token)));
  const postgres = postgresOf(folder);
  const postgresMs: number[] = [];
  return {
    postgresMs,
    async round() {
      const before = { server: process.cpuMs(), postgres: postgres.cpuMs() };
      await askAll(callers);
      postgresMs.push((postgres.cpuMs() - before.postgres) / MESSAGES);
      return (process.cpuMs() - before.server) / MESSAGES;
    },
    async stop() {
      for (const caller of callers) caller.close();
      client.close();
      await process.stop();
    },
  };
}

let asked = 0;
async function askAll(callers: readonly Caller[]): Promise<void> {
  let left = MESSAGES;
  const work = async (caller: Caller) => {
    while (left > 0) {
      left -= 1;
      asked += 1;
      await caller.ask(`${QUESTIONS[asked % QUESTIONS.length]} (${asked})`);
    }
  };
  await Promise.all(callers.map(work));
}

pinToLoadCore();
const model = await startModelServer({ deltaCount: DELTA_COUNT, paceMs: PACE_MS });
await withFolder((exactFolder) =>
  withFolder(async (bareFolder) => {
    const exact = await startContestant('exact', exactFolder, model.url);
    const bare = await startContestant('bare', bareFolder, model.url);
    const contestants = { exact: () => exact.round(), bare: () => bare.round() };
    await interleave(WARM_UP_ROUNDS, contestants, { quiet: true });
    const server = await interleave(ROUNDS, contestants);
    const postgres = (own: readonly number[]) => median(own.slice(WARM_UP_ROUNDS));
    const row = (name: string, ours: number, theirs: number) => [name, ours, theirs, ours / theirs];
    const [ours, theirs] = [median(server.exact), median(server.bare)];
    const [oursPostgres, theirsPostgres] = [postgres(exact.postgresMs), postgres(bare.postgresMs)];
    printTable(
      `sendMessage and ${DELTA_COUNT} deltas, one every ${PACE_MS} ms, ${CALLERS} at a time (target: ratio ≤ 1.25)`,
      ['CPU ms a message', 'exact', 'no-op ledger and log', 'ratio'],
      [
        row('server', ours, theirs),
        row('server and PostgreSQL', ours + oursPostgres, theirs + theirsPostgres),
      ],
    );
    await Promise.all([exact.stop(), bare.stop()]);
  }),
);
await model.close();
