import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MultiDbClient, MultiDbError, type RunEvent } from '../../src/client/index.ts';
import { freePort } from '../support/free-port.ts';
import { SeededRandom } from '../support/random.ts';
import { type ScriptedAnswer, ScriptedOpenAi, type ScriptedRequest } from '../support/scripted-openai.ts';
import { DataFolderFixture, type ServerProcess, startServer } from '../support/server-process.ts';
import { DEMO } from '../support/system.ts';

const seed = Number(process.env['TEST_SEED'] ?? randomInt(1_000_000));
const random = new SeededRandom(seed);

/** Four bytes, two bytes and one: text that is easily cut in the wrong place. */
const DELTAS = Array.from({ length: 150 }, (_, index) => `w${index} 😀é${index % 7 === 0 ? '\n' : ' '}`);
const ANSWER = DELTAS.join('');
const PACE_MS = 20;
const USAGE = { input: 1_000, output: 150 };
const INPUT_PRICE = 3_000_000;
const OUTPUT_PRICE = 5_000_000;
const KILLS = 2;

/** Continues an unfinished message where it stands, as a model that can does. */
function continueAnswer({ messages }: ScriptedRequest): ScriptedAnswer {
  const last = messages.at(-1);
  const shown = last?.['role'] === 'assistant' ? String(last['content']) : '';
  if (!ANSWER.startsWith(shown)) return { deltas: ['asked to continue what was never said'] };
  const rest = [...ANSWER.slice(shown.length)];
  const deltas = Array.from({ length: Math.ceil(rest.length / 6) }, (_, index) =>
    rest.slice(index * 6, index * 6 + 6).join(''),
  );
  return { deltas, paceMs: PACE_MS, usage: USAGE };
}

const textOf = (events: readonly RunEvent[]): string =>
  events.map((event) => (event.__typename === 'TokenDelta' ? event.text : '')).join('');
const isTerminal = ({ __typename }: RunEvent): boolean =>
  __typename === 'RunEnd' || __typename === 'RunError';

async function collect(events: AsyncIterable<RunEvent>, into: RunEvent[] = []): Promise<RunEvent[]> {
  for await (const event of events) into.push(event);
  return into;
}

/** Sent until it is known to be stored, as a program does that keeps its key. */
async function sendSurely(client: MultiDbClient, question: string): Promise<string> {
  for (;;) {
    try {
      const { sent } = client.ask(question, { idempotencyKey: question.replaceAll(/\W/g, '-') });
      return (await sent).run.id;
    } catch (error) {
      if (!(error instanceof MultiDbError && error.code === 'NETWORK')) throw error;
      await sleep(100);
    }
  }
}

interface Stage {
  readonly folder: DataFolderFixture;
  readonly port: number;
  server: ServerProcess;
  readonly client: MultiDbClient;
}
async function openStage(
  env: Readonly<Record<string, string>>,
): Promise<Stage & { restart(): Promise<void> }> {
  const folder = await DataFolderFixture.make();
  const port = await freePort();
  const start = () =>
    startServer({ folder: folder.path, env: { ...env, PORT: String(port), RUN_LEASE_MS: '1000' } });
  const server = await start();
  const client = new MultiDbClient({
    url: server.url,
    retry: { attemptCountMax: 1_000, firstDelayMs: 50, delayMaxMs: 200 },
  });
  await client.login(DEMO.email, DEMO.password);
  const stage = {
    folder,
    port,
    server,
    client,
    async restart() {
      await stage.server.kill('SIGKILL');
      stage.server = await start();
    },
  };
  return stage;
}

function expectWhole(events: readonly RunEvent[]): void {
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index));
  expect(events.filter(isTerminal)).toHaveLength(1);
  expect(events.at(-1)?.__typename).toBe('RunEnd');
}

describe(`kill -9 during an answer of a model (TEST_SEED=${seed})`, () => {
  let model: ScriptedOpenAi;
  let stage: Awaited<ReturnType<typeof openStage>>;
  let events: RunEvent[];
  let runId: string;

  beforeAll(async () => {
    model = await ScriptedOpenAi.start(continueAnswer);
    stage = await openStage({
      OPENAI_BASE_URL: model.url,
      MODEL: 'scripted',
      MODEL_INPUT_MICROS_PER_MILLION: String(INPUT_PRICE),
      MODEL_OUTPUT_MICROS_PER_MILLION: String(OUTPUT_PRICE),
    });
  });
  afterAll(async () => {
    stage?.client.close();
    await stage?.server.stop();
    await model?.close();
    await stage?.folder.remove();
  });

  it('the client that watches ends with the byte-identical answer', { timeout: 120_000 }, async () => {
    events = [];
    runId = await sendSurely(stage.client, 'hello');
    const watched = collect(stage.client.watch(runId), events);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const from = textOf(events).length;
      const more = 20 + random.fraction() * 200;
      while (textOf(events).length < from + more) await sleep(5);
      const shown = textOf(events);
      await stage.restart();
      expect(ANSWER.startsWith(shown)).toBe(true);
    }
    await watched;
    expectWhole(events);
    expect(textOf(events)).toBe(ANSWER);
    const handovers = events.filter((event) => event.__typename === 'RunHandover');
    expect(handovers.map(({ generation }) => generation)).toEqual([2, 3]);
    for (const handover of handovers) {
      expect(textOf(events.slice(0, handover.sequence)).length).toBe(handover.textLength);
    }
    const end = events.at(-1);
    expect(end).toMatchObject({ finishReason: 'COMPLETED', message: { text: ANSWER } });
  });

  it('replays the same events, before and after one more kill', { timeout: 60_000 }, async () => {
    expect(await collect(stage.client.watch(runId))).toEqual(events);
    await stage.restart();
    expect(await collect(stage.client.watch(runId))).toEqual(events);
    const middle = events[Math.floor(events.length / 2)];
    expect(await collect(stage.client.watch(runId, { after: middle?.cursor ?? '' }))).toEqual(
      events.slice((middle?.sequence ?? 0) + 1),
    );
  });

  it('charged once, what was reported plus the shown text of lost attempts', async () => {
    const reported = events.filter((event) => event.__typename === 'UsageReported');
    expect(reported).toHaveLength(1);
    const [usage] = reported;
    if (usage === undefined) return;
    const { inputTokens, outputTokens, costMicros, estimated } = usage;
    expect(inputTokens).toBe(USAGE.input);
    expect(outputTokens).toBeGreaterThan(USAGE.output);
    expect(estimated).toBe(true);
    const exact = inputTokens * INPUT_PRICE + outputTokens * OUTPUT_PRICE;
    expect(costMicros).toBe(Math.ceil(exact / 1_000_000));
    const workspace = await stage.client.usage();
    expect(workspace.usage).toMatchObject({ messages: 1, inputTokens, outputTokens, costMicros });
    expect(workspace.quota).toMatchObject({ usedMicros: costMicros, reservedMicros: 0 });
    expect(await sendSurely(stage.client, 'hello')).toBe(runId);
    expect((await stage.client.usage()).usage.messages).toBe(1);
  });
});

describe(`kill -9 during answers without a model (TEST_SEED=${seed})`, () => {
  const QUESTIONS = Array.from({ length: 24 }, (_, index) => `Which database is good for topic ${index}?`);
  let stage: Awaited<ReturnType<typeof openStage>>;

  beforeAll(async () => {
    stage = await openStage({ RUN_CONCURRENCY_MAX: '4', MESSAGES_PER_MINUTE: '10000' });
    const sections = QUESTIONS.map(
      (_, index) =>
        `## Topic ${index}\n\nA good database for topic ${index} is Store${index}, which is durable.`,
    );
    const text = sections.join('\n\n');
    await stage.client.ingest({ text, mediaType: 'text/markdown' }, { title: 'Topics' }).ready();
  });
  afterAll(async () => {
    stage?.client.close();
    await stage?.server.stop();
    await stage?.folder.remove();
  });

  it('every run ends as if nothing had happened', { timeout: 120_000 }, async () => {
    const { client } = stage;
    const runs = QUESTIONS.map(async (question) => {
      const runId = await sendSurely(client, question);
      return { runId, events: await collect(client.watch(runId)) };
    });
    await sleep(random.fraction() * 600);
    await stage.restart();
    for (const [index, run] of runs.entries()) {
      const { runId, events } = await run;
      expectWhole(events);
      const undisturbed = await collect(client.ask(QUESTIONS[index] ?? ''));
      expect(textOf(events)).toBe(textOf(undisturbed));
      expect(events.filter(({ __typename }) => __typename === 'CitationAdded')).toEqual(
        undisturbed
          .filter(({ __typename }) => __typename === 'CitationAdded')
          .map((citation, at) => ({
            ...citation,
            cursor: expect.any(String),
            sequence: events.filter(({ __typename }) => __typename === 'CitationAdded')[at]?.sequence,
          })),
      );
      expect(await collect(client.watch(runId))).toEqual(events);
    }
    const { usage, quota } = await client.usage();
    expect(usage.messages).toBe(2 * QUESTIONS.length);
    expect(quota.reservedMicros).toBe(0);
  });
});
