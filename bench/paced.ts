/**
 * Streams at the pace of a real model: one delta every 20 ms each, the whole server alone on one core, model and readers
 * on the other. Lag is from the model's write, which each delta's text names, to the subscriber's frame; every frame is
 * in the durable log before it is shown. Usage: paced [streams…], default 150 and 200.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openBareCaller, startBareStream } from './bare-load.ts';
import { pinToLoadCore, printTable, quantile, SERVER_CORE } from './harness.ts';
import { type ModelServer, sentAt, startModelServer } from './model-server.ts';
import { ingestCorpus, signIn, startProduct, withFolder } from './product.ts';
import { QUESTIONS } from './questions.ts';
import { type Caller, openCaller } from './run-load.ts';

const PACE_MS = 20;
/** 4 s of stream; then the next message of the same caller begins. */
const DELTA_COUNT = 200;
const WARM_UP_MS = 12_000;
const MEASURED_MS = 20_000;

interface Subject {
  readonly name: string;
  cpuMs(): number;
  databaseCpuMs(): number;
  open(): Promise<Caller>;
}
interface Outcome {
  readonly busy: number;
  /** Messages that ended otherwise than with an answer. */
  readonly failures: number;
  readonly lags: readonly number[];
  readonly framesPerSecond: number;
  readonly database: number;
}

async function measure(subject: Subject, streams: number): Promise<Outcome> {
  const callers = await Promise.all(Array.from({ length: streams }, () => subject.open()));
  const lags: number[] = [];
  const failures: string[] = [];
  let [measuring, stopped, frames] = [false, false, 0];
  const onText = (text: string) => {
    if (!measuring) return;
    const now = performance.now();
    frames += 1;
    for (const sent of sentAt(text)) lags.push(now - sent);
  };
  const talk = async (caller: Caller, index: number) => {
    // Not all in step: arrivals spread over a whole stream's time.
    await sleep((index / streams) * PACE_MS * DELTA_COUNT);
    for (let turn = 0; !stopped; turn += 1) {
      const question = `${QUESTIONS[turn % QUESTIONS.length]} (${index}.${turn})`;
      await caller.ask(question, onText).catch((error: Error) => failures.push(error.message));
    }
  };
  const talks = callers.map(talk);
  await sleep(WARM_UP_MS);
  const before = { cpu: subject.cpuMs(), database: subject.databaseCpuMs(), at: performance.now() };
  measuring = true;
  await sleep(MEASURED_MS);
  measuring = false;
  const elapsedMs = performance.now() - before.at;
  const busy = (subject.cpuMs() - before.cpu) / elapsedMs;
  const database = (subject.databaseCpuMs() - before.database) / elapsedMs;
  stopped = true;
  await Promise.all(talks);
  for (const caller of callers) caller.close();
  if (failures.length > 0) console.error(`${subject.name}: ${failures.length} failed, as ${failures[0]}`);
  return { busy, failures: failures.length, lags, framesPerSecond: (frames * 1000) / elapsedMs, database };
}

function row(name: string, streams: number, outcome: Outcome): (string | number)[] {
  const { busy, lags, framesPerSecond, database, failures } = outcome;
  const lag = (share: number) => quantile(lags, share);
  return [name, streams, busy, database, lag(0.5), lag(0.99), framesPerSecond, lags.length, failures];
}

async function measureOurs(model: ModelServer, streams: number): Promise<(string | number)[]> {
  return withFolder(async (folder) => {
    const env = { OPENAI_BASE_URL: model.url, MODEL: 'bench' };
    const product = await startProduct({ folder, core: SERVER_CORE, env });
    const { client, token } = await signIn(product.url);
    await ingestCorpus(client);
    const subject: Subject = {
      name: 'ours',
      cpuMs: () => product.process.cpuMs(),
      databaseCpuMs: () => product.postgres.cpuMs(),
      open: () => openCaller(product.url, token),
    };
    const outcome = await measure(subject, streams);
    await product.stop();
    return row(subject.name, streams, outcome);
  });
}

async function measureBare(model: ModelServer, streams: number): Promise<(string | number)[]> {
  const bare = await startBareStream(model.url, SERVER_CORE);
  const subject: Subject = {
    name: 'fetch → ws',
    cpuMs: () => bare.cpuMs(),
    databaseCpuMs: () => 0,
    open: () => openBareCaller(bare.ready, 'socket'),
  };
  const outcome = await measure(subject, streams);
  await bare.stop();
  return row(subject.name, streams, outcome);
}

pinToLoadCore();
const asked = process.argv.slice(2).map(Number);
const model = await startModelServer({ deltaCount: DELTA_COUNT, paceMs: PACE_MS, stamped: true });
const rows: (string | number)[][] = [];
for (const streams of asked.length > 0 ? asked : [150, 200]) {
  rows.push(await measureOurs(model, streams), await measureBare(model, streams));
}
await model.close();
printTable(
  'One delta every 20 ms, server on one core (target at 150: busy ≤ 0.9, lag p99 ≤ 60 ms)',
  [
    'server',
    'streams',
    'core busy',
    'PostgreSQL busy',
    'lag p50, ms',
    'lag p99, ms',
    'frames/s',
    'deltas measured',
    'failed messages',
  ],
  rows,
);
