import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  OPENAI_CHAT_DEFAULTS,
  OpenAiChatModel,
  type OpenAiChatModelOptions,
} from '../../../src/adapters/openai/openai-chat-model.ts';
import { SystemClock } from '../../../src/adapters/system/clock.ts';
import { noopLog } from '../../../src/adapters/system/log.ts';
import { SystemRandom } from '../../../src/adapters/system/random.ts';
import type { ChatOutcome, ChatRequest } from '../../../src/domain/ports/models.ts';
import { ScriptedOpenAi } from '../../support/scripted-openai.ts';

const REQUEST: ChatRequest = {
  turns: [
    { role: 'system', text: 'Be brief.' },
    { role: 'user', text: 'Hi' },
  ],
  tools: [],
  outputTokensMax: 77,
};
const never = new AbortController().signal;
let server: ScriptedOpenAi;
let models: OpenAiChatModel[] = [];

beforeEach(async () => {
  server = await ScriptedOpenAi.start();
});
afterEach(async () => {
  for (const model of models) await model.close();
  models = [];
  await server.close();
});

function newModel(options: Partial<OpenAiChatModelOptions> = {}): OpenAiChatModel {
  const deps = { clock: new SystemClock(), random: new SystemRandom(), log: noopLog };
  const model = new OpenAiChatModel(deps, {
    ...OPENAI_CHAT_DEFAULTS,
    baseUrl: server.url,
    apiKey: 'secret-key',
    model: 'scripted-model',
    ...options,
  });
  models.push(model);
  return model;
}

async function ask(
  model: OpenAiChatModel,
  request: ChatRequest = REQUEST,
  signal: AbortSignal = never,
): Promise<{ text: string; deltas: string[]; outcome: ChatOutcome }> {
  const deltas: string[] = [];
  const outcome = await model.stream(request, (delta) => deltas.push(delta), signal);
  return { text: deltas.join(''), deltas, outcome };
}

describe('the request', () => {
  it('is a streaming chat completion that asks for usage', async () => {
    await ask(newModel());
    expect(server.requests[0]).toMatchObject({
      model: 'scripted-model',
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 77,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
      headers: { authorization: 'Bearer secret-key', 'content-type': 'application/json' },
    });
    expect(server.requests[0]).not.toHaveProperty('tools');
  });

  it('carries tools, their calls and their results', async () => {
    const parameters = { type: 'object', properties: { query: { type: 'string' } } };
    await ask(newModel(), {
      turns: [
        { role: 'user', text: 'Hi' },
        {
          role: 'assistant',
          text: '',
          toolCalls: [{ id: 'c1', name: 'search', arguments: '{"query":"x"}' }],
        },
        { role: 'tool', toolCallId: 'c1', text: 'found' },
      ],
      tools: [{ name: 'search', description: 'Searches.', parameters }],
      outputTokensMax: 5,
    });
    const [request] = server.requests;
    expect(request?.tools).toEqual([
      { type: 'function', function: { name: 'search', description: 'Searches.', parameters } },
    ]);
    expect(request?.messages[1]).toMatchObject({
      role: 'assistant',
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'search', arguments: '{"query":"x"}' } }],
    });
    expect(request?.messages[2]).toMatchObject({ role: 'tool', tool_call_id: 'c1', content: 'found' });
  });

  it('sends no authorization to a server without keys', async () => {
    await ask(newModel({ apiKey: undefined }));
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });
});

describe('the answer', () => {
  it('comes delta by delta, with usage', async () => {
    server.answer({ deltas: ['Hel', 'lo', ' 😀'], usage: { input: 12, output: 3 } });
    const { deltas, outcome } = await ask(newModel());
    expect(deltas).toEqual(['Hel', 'lo', ' 😀']);
    expect(outcome).toEqual({ finish: 'stop', toolCalls: [], usage: { inputTokens: 12, outputTokens: 3 } });
  });

  it.each([1, 2, 3, 7, 64])('is the same when the stream is cut every %i bytes', async (writeBytes) => {
    server.answer({ deltas: ['naïve ', '東京', ' 😀\n', '"data: "'], writeBytes });
    expect((await ask(newModel())).deltas).toEqual(['naïve ', '東京', ' 😀\n', '"data: "']);
  });

  it('says so when the server reports no usage, and when it ran into the limit', async () => {
    server.answer({ usage: null, finish: 'length' });
    expect((await ask(newModel())).outcome).toMatchObject({ finish: 'length', usage: undefined });
  });

  it('puts tool calls together', async () => {
    const toolCalls = [
      { id: 'a', name: 'search', arguments: '{"query":"one"}' },
      { id: 'b', name: 'search', arguments: '{"query":"two"}' },
    ];
    server.answer({ toolCalls });
    expect((await ask(newModel())).outcome).toMatchObject({ finish: 'tool-calls', toolCalls });
  });
});

describe('before the first delta', () => {
  it.each([429, 500, 503])('asks again after %i', async (status) => {
    server.answer({ status, retryAfter: '0' }, { deltas: ['ok'] });
    expect((await ask(newModel())).text).toBe('ok');
    expect(server.requests).toHaveLength(2);
  });

  it.each(['reset', 'truncate', 'malformed'] as const)('asks again after: %s', async (kind) => {
    server.answer({ fault: { kind, after: 0 } }, { deltas: ['ok'] });
    expect((await ask(newModel())).text).toBe('ok');
    expect(server.requests).toHaveLength(2);
  });

  it('gives up after the configured number of retries', async () => {
    server.answer({ status: 500, retryAfter: '0' });
    await expect(ask(newModel({ retriesMax: 2 }))).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      retryable: true,
    });
    expect(server.requests).toHaveLength(3);
  });

  it('does not wait for a server that asks for too long, and passes its wish on', async () => {
    server.answer({ status: 429, retryAfter: '3600' });
    await expect(ask(newModel())).rejects.toMatchObject({ code: 'MODEL_FAILED', retryAfterMs: 3_600_000 });
    expect(server.requests).toHaveLength(1);
  });

  it.each([400, 401, 404])('does not repeat what %i refused', async (status) => {
    server.answer({ status });
    await expect(ask(newModel())).rejects.toMatchObject({ code: 'MODEL_FAILED', retryable: false });
    expect(server.requests).toHaveLength(1);
  });

  it('gives up at the deadline for the first token', async () => {
    server.answer({ fault: { kind: 'stall', after: 0 } });
    await expect(ask(newModel({ firstTokenTimeoutMs: 50 }))).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      message: 'The model took too long.',
    });
  });

  it('fails when nobody listens', async () => {
    const unused = createServer().listen(0, '127.0.0.1');
    const address = unused.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await new Promise((resolve) => unused.close(resolve));
    const model = newModel({ baseUrl: `http://127.0.0.1:${port}/v1`, retriesMax: 1 });
    await expect(ask(model)).rejects.toMatchObject({ code: 'MODEL_FAILED', retryable: true });
  });
});

describe('after the first delta', () => {
  it.each(['reset', 'truncate', 'malformed', 'error'] as const)('fails at once after: %s', async (kind) => {
    server.answer({ deltas: ['one', ' two', ' three'], fault: { kind, after: 2 } });
    const deltas: string[] = [];
    const asked = newModel().stream(REQUEST, (delta) => deltas.push(delta), never);
    await expect(asked).rejects.toMatchObject({ code: 'MODEL_FAILED', retryable: true });
    expect(deltas).toEqual(['one', ' two']);
    expect(server.requests).toHaveLength(1);
  });

  it('fails when the next delta does not come', async () => {
    server.answer({ deltas: ['one', ' two'], fault: { kind: 'stall', after: 1 } });
    const asked = ask(newModel({ idleTimeoutMs: 50 }));
    await expect(asked).rejects.toMatchObject({ message: 'The model took too long.' });
    expect(server.requests).toHaveLength(1);
  });

  it('closes the connection when it is aborted, and calls nobody any more', async () => {
    server.answer({ deltas: Array.from({ length: 1_000 }, () => 'x'), paceMs: 1 });
    const controller = new AbortController();
    const reason = new Error('enough');
    let text = '';
    const asked = newModel().stream(
      REQUEST,
      (delta) => {
        text += delta;
        if (text.length === 3) controller.abort(reason);
      },
      controller.signal,
    );
    await expect(asked).rejects.toBe(reason);
    const length = text.length;
    await expect.poll(() => server.abortedCount).toBe(1);
    expect(text).toHaveLength(length);
  });
});
