import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, MultiDbClient, RunEvent } from '../../src/client/index.ts';
import { type ScriptedAnswer, ScriptedOpenAi } from '../support/scripted-openai.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

const IDLE_TIMEOUT_MS = 700;
const FIRST_TOKEN_TIMEOUT_MS = 2_500;
const INPUT_PRICE = 2_000_000;
const OUTPUT_PRICE = 7_000_000;
const DELTAS = ['One ', 'two 😀', ' three', ' four', ' five'];
const SHOWN = 'One two 😀';

let model: ScriptedOpenAi;
let system: TestSystem;
let client: MultiDbClient;
const charged: { inputTokens: number; outputTokens: number; costMicros: number }[] = [];

beforeAll(async () => {
  model = await ScriptedOpenAi.start();
  system = await startTestSystem(modelSettings());
  client = await system.client();
});
afterAll(async () => {
  await system.close();
  await model.close();
});

function modelSettings(): Record<string, string> {
  return {
    OPENAI_BASE_URL: model.url,
    MODEL: 'scripted',
    MODEL_INPUT_MICROS_PER_MILLION: String(INPUT_PRICE),
    MODEL_OUTPUT_MICROS_PER_MILLION: String(OUTPUT_PRICE),
    MODEL_FIRST_TOKEN_TIMEOUT_MS: String(FIRST_TOKEN_TIMEOUT_MS),
    MODEL_IDLE_TIMEOUT_MS: String(IDLE_TIMEOUT_MS),
    MODEL_RETRIES_MAX: '2',
    ANSWER_LENGTH_MAX: '400',
  };
}

interface Outcome {
  readonly events: readonly RunEvent[];
  readonly text: string;
  readonly last: RunEvent;
  readonly usage: Extract<RunEvent, { __typename: 'UsageReported' }>;
  readonly runId: string;
  readonly conversationId: string;
}
const textOf = (events: readonly RunEvent[]): string =>
  events.map((event) => (event.__typename === 'TokenDelta' ? event.text : '')).join('');

/** Watches to the end, and checks what holds for every run, however it ends. */
async function outcomeOf(answer: Answer, onEvent: (event: RunEvent) => void = () => {}): Promise<Outcome> {
  const events: RunEvent[] = [];
  for await (const event of answer) {
    events.push(event);
    onEvent(event);
  }
  const { run, conversation } = await answer.sent;
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index));
  const last = events.at(-1);
  const reports = events.filter((event) => event.__typename === 'UsageReported');
  const [usage] = reports;
  if (last === undefined || usage === undefined) throw new Error('a run without an end or a charge');
  expect(reports).toHaveLength(1);
  const price = usage.inputTokens * INPUT_PRICE + usage.outputTokens * OUTPUT_PRICE;
  expect(usage.costMicros).toBe(Math.ceil(price / 1_000_000));
  const { inputTokens, outputTokens, costMicros, estimated } = usage;
  expect((await client.run(run.id)).usage).toEqual({ inputTokens, outputTokens, costMicros, estimated });
  charged.push(usage);
  return { events, text: textOf(events), last, usage, runId: run.id, conversationId: conversation.id };
}

function script(...answers: readonly ScriptedAnswer[]): Promise<Outcome> {
  model.answer(...answers);
  return outcomeOf(client.ask('hello'));
}

const answered = { deltas: DELTAS, usage: { input: 11, output: 5 } };

describe('a model that fails before its first token', () => {
  it.each<[string, ScriptedAnswer]>([
    ['says 429 and when to come back', { status: 429, retryAfter: '1' }],
    ['says 500', { status: 500 }],
    ['breaks the connection', { fault: { kind: 'reset', after: -1 } }],
    ['ends early', { fault: { kind: 'truncate', after: 0 } }],
    ['sends nonsense', { fault: { kind: 'malformed', after: 0 } }],
  ])('is asked again when it %s', async (_what, failure) => {
    const before = model.requests.length;
    const { text, last, usage } = await script(failure, answered);
    expect(last).toMatchObject({ __typename: 'RunEnd', finishReason: 'COMPLETED' });
    expect(text).toBe(DELTAS.join(''));
    expect(usage).toMatchObject({ inputTokens: 11, outputTokens: 5, estimated: false });
    expect(model.requests.length - before).toBe(2);
  });

  it.each<[string, ScriptedAnswer, number]>([
    ['500 every time', { status: 500 }, 3],
    ['401', { status: 401 }, 1],
    ['429, and to come back in an hour', { status: 429, retryAfter: '3600' }, 1],
  ])('ends the run, free of charge, when it says %s', async (_what, failure, requests) => {
    const before = model.requests.length;
    const { text, last, usage, runId } = await script(failure);
    expect(last).toMatchObject({ __typename: 'RunError', error: { code: 'MODEL_FAILED' } });
    expect(text).toBe('');
    expect(usage.costMicros).toBe(0);
    expect(model.requests.length - before).toBe(requests);
    expect(await client.run(runId)).toMatchObject({ status: 'FAILED', message: null });
  });

  it('ends the run when it stays silent', async () => {
    const { last, text } = await script({ fault: { kind: 'stall', after: 0 } });
    expect(last).toMatchObject({ __typename: 'RunError', error: { code: 'MODEL_FAILED', retryable: true } });
    expect(text).toBe('');
  });
});

describe('a model that fails in the middle', () => {
  it.each(['reset', 'stall', 'malformed', 'truncate', 'error'] as const)(
    'keeps what was shown and bills it, when it ends with %s',
    async (kind) => {
      const { text, last, usage, runId, conversationId } = await script({
        deltas: DELTAS,
        fault: { kind, after: 2 },
      });
      expect(last).toMatchObject({ __typename: 'RunError', error: { code: 'MODEL_FAILED' } });
      expect(text).toBe(SHOWN);
      expect(usage.estimated).toBe(true);
      expect(usage.outputTokens).toBeGreaterThan(0);
      expect(await client.run(runId)).toMatchObject({ status: 'FAILED', message: { text: SHOWN } });
      const { messages } = await client.conversations.get(conversationId);
      expect(messages.edges.map(({ node }) => [node.role, node.text])).toEqual([
        ['USER', 'hello'],
        ['ASSISTANT', SHOWN],
      ]);
    },
  );
});

describe('an answer ends', () => {
  it('with an estimated charge when the server reports none', async () => {
    const { usage, last } = await script({ deltas: DELTAS, usage: null });
    expect(last).toMatchObject({ finishReason: 'COMPLETED' });
    expect(usage.estimated).toBe(true);
    expect(usage.inputTokens).toBeGreaterThan(0);
    expect(usage.outputTokens).toBeGreaterThan(0);
  });

  it('where it is stopped, and bills exactly what was shown', async () => {
    const deltas = Array.from({ length: 300 }, (_, index) => `word${index} `);
    model.answer({ deltas, paceMs: 15 });
    const answer = client.ask('hello');
    const { run } = await answer.sent;
    let shown = 0;
    let stopped: Promise<void> | undefined;
    const aborted = model.abortedCount;
    const { text, last, usage } = await outcomeOf(answer, (event) => {
      if (event.__typename === 'TokenDelta') shown += 1;
      if (shown === 5) stopped ??= client.stop(run.id);
    });
    await stopped;
    expect(last).toMatchObject({ __typename: 'RunEnd', finishReason: 'STOPPED', message: { text } });
    expect(deltas.join('').startsWith(text)).toBe(true);
    expect(text.length).toBeLessThan(deltas.join('').length);
    expect(usage.estimated).toBe(true);
    const words = text.trim().split(' ').length;
    // The tokenizer cuts `word17` into one to three tokens.
    expect(usage.outputTokens).toBeGreaterThanOrEqual(words);
    expect(usage.outputTokens).toBeLessThanOrEqual(4 * words);
    expect(model.abortedCount).toBe(aborted + 1);
    expect(await client.run(run.id)).toMatchObject({ status: 'STOPPED', message: { text } });
    // Again, and after its end, it changes nothing.
    await client.stop(run.id);
    expect(await client.run(run.id)).toMatchObject({ status: 'STOPPED', message: { text } });
  });

  it('at the model’s own limit, and at ours', async () => {
    const short = await script({ deltas: DELTAS, finish: 'length' });
    expect(short.last).toMatchObject({ finishReason: 'LIMIT', message: { text: DELTAS.join('') } });
    const long = await script({ deltas: Array.from({ length: 100 }, () => 'twenty characters 😀 ') });
    expect(long.last).toMatchObject({ finishReason: 'LIMIT', message: { text: long.text } });
    expect(long.text.length).toBeLessThanOrEqual(400);
    expect(long.text.length).toBeGreaterThan(300);
    expect(long.text.isWellFormed()).toBe(true);
  });
});

describe('two messages sent at once to one conversation', () => {
  it('are both answered, and neither is lost or mixed', async () => {
    model.answer({ deltas: ['First.'] });
    const { conversationId } = await outcomeOf(client.ask('hello'));
    model.answer({ deltas: DELTAS, paceMs: 10 });
    const outcomes = await Promise.all(
      ['thanks', 'good morning'].map((text) => outcomeOf(client.ask(text, { conversationId }))),
    );
    for (const { text, last } of outcomes) {
      expect(text).toBe(DELTAS.join(''));
      expect(last).toMatchObject({ finishReason: 'COMPLETED' });
    }
    const { messages } = await client.conversations.get(conversationId, { first: 10 });
    const texts = messages.edges.map(({ node }) => node.text);
    expect(texts).toHaveLength(6);
    expect(texts.filter((text) => text === DELTAS.join(''))).toHaveLength(2);
    expect(texts.filter((text) => ['thanks', 'good morning'].includes(text))).toHaveLength(2);
  });
});

describe('what was charged', () => {
  it('is the sum of what the runs reported', async () => {
    const { usage, quota } = await client.usage();
    const sum = (name: 'inputTokens' | 'outputTokens' | 'costMicros') =>
      charged.reduce((total, usage) => total + usage[name], 0);
    expect(usage.inputTokens).toBe(sum('inputTokens'));
    expect(usage.outputTokens).toBe(sum('outputTokens'));
    expect(usage.costMicros).toBe(sum('costMicros'));
    expect(quota).toMatchObject({ usedMicros: sum('costMicros'), reservedMicros: 0 });
  });

  it('never passes the quota, not even by runs that go on at once', async () => {
    // One run may reserve most of it: the price of the longest prompt and answer.
    const limited = await startTestSystem({ ...modelSettings(), QUOTA_LIMIT_MICROS: '250000' });
    const poor = await limited.client();
    model.answer({ deltas: DELTAS, paceMs: 40, usage: { input: 10, output: 5 } });
    const sent = await Promise.allSettled(Array.from({ length: 5 }, () => poor.ask('hello').finished()));
    const fulfilled = sent.filter(({ status }) => status === 'fulfilled');
    expect(fulfilled).toHaveLength(1);
    for (const refused of sent.filter(({ status }) => status === 'rejected')) {
      expect(refused).toMatchObject({ reason: { code: 'QUOTA_EXCEEDED' } });
    }
    const { usage, quota } = await poor.usage();
    expect(usage).toMatchObject({ messages: 1, costMicros: 55 });
    expect(quota).toMatchObject({ limitMicros: 250_000, usedMicros: 55, reservedMicros: 0 });
    // What was reserved and not used is free again.
    await expect(poor.ask('hello').finished()).resolves.toMatchObject({ finishReason: 'COMPLETED' });
    await limited.close();
  });
});
