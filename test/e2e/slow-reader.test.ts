import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MultiDbClient, RunEvent } from '../../src/client/index.ts';
import { accessToken } from '../support/graphql.ts';
import { ScriptedOpenAi } from '../support/scripted-openai.ts';
import { DataFolderFixture, type ServerProcess, startServer } from '../support/server-process.ts';
import { connect, type TestSocket } from '../support/sockets.ts';
import { DEMO } from '../support/system.ts';

const DELTAS = Array.from({ length: 100_000 }, (_, index) => `${index} `.padEnd(120, 'é'));
const ANSWER = DELTAS.join('');
const STALLED = 48;
const STALL_TIMEOUT_MS = 2_000;
/** All that is on its way to the stalled readers, were it kept: their number times the answer, as UTF-8 frames. */
const UNBOUNDED_MB = (STALLED * Buffer.byteLength(ANSWER)) / 1024 / 1024;
const WATCH = `subscription ($id: ID!, $after: Cursor) { runEvents(runId: $id, after: $after) {
  __typename cursor sequence ... on TokenDelta { text } } }`;

interface Shown {
  readonly cursor: string;
  readonly sequence: number;
  readonly text?: string;
}
function shownAt(socket: TestSocket): Shown[] {
  const frames = socket.texts.map(
    (text) => JSON.parse(text) as { payload?: { data?: { runEvents: Shown } } },
  );
  return frames.flatMap(({ payload }) => (payload?.data ? [payload.data.runEvents] : []));
}
const memoryMb = (server: ServerProcess, what: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) /
  1024;

describe('readers that stop reading while 100,000 deltas are made', () => {
  let model: ScriptedOpenAi;
  let folder: DataFolderFixture;
  let server: ServerProcess;
  let client: MultiDbClient;
  beforeAll(async () => {
    model = await ScriptedOpenAi.start();
    folder = await DataFolderFixture.make();
    const env = {
      OPENAI_BASE_URL: model.url,
      MODEL: 'scripted',
      ANSWER_LENGTH_MAX: '100000000',
      OUTPUT_TOKENS_MAX: '100000000',
      SOCKET_BUFFERED_BYTES_MAX: '65536',
      SOCKET_STALL_TIMEOUT_MS: String(STALL_TIMEOUT_MS),
      SOCKET_INIT_TIMEOUT_MS: '60000',
    };
    server = await startServer({ folder: folder.path, env });
    client = await server.client();
  }, 120_000);
  afterAll(async () => {
    client?.close();
    await server?.stop();
    await model?.close();
    await folder?.remove();
  });

  it('are cut off with a code to come back by, cost no memory, delay nobody, and resume to the same answer', async () => {
    const token = await accessToken(server.url, DEMO.email, DEMO.password);
    model.answer({ deltas: DELTAS });
    const stalled = await Promise.all(Array.from({ length: STALLED }, () => connect(server.url, token)));
    const before = memoryMb(server, 'VmRSS');
    const { run } = await client.ask('hello').sent;
    for (const socket of stalled) {
      socket.webSocket.pause();
      socket.subscribe('1', WATCH, { id: run.id });
    }
    const events: RunEvent[] = [];
    for await (const event of client.watch(run.id)) events.push(event);
    const text = events.map((event) => (event.__typename === 'TokenDelta' ? event.text : '')).join('');
    expect(text === ANSWER).toBe(true);
    expect(events.at(-1)).toMatchObject({ __typename: 'RunEnd', finishReason: 'COMPLETED' });
    const grown = memoryMb(server, 'VmHWM') - before;
    expect(grown).toBeLessThan(UNBOUNDED_MB / 2);

    // The answer may have been quicker than the patience with those who do not read it.
    await delay(3 * STALL_TIMEOUT_MS);
    const [reader] = stalled;
    if (!reader) throw new Error('no reader');
    for (const socket of stalled) socket.webSocket.resume();
    // 1006 where the connection was cut because nobody read the close frame either: to be retried as well.
    for (const socket of stalled) expect([1006, 1013]).toContain((await socket.closed).code);
    const first = shownAt(reader);
    expect(first.map(({ sequence }) => sequence)).toEqual(first.map((_, index) => index));
    expect(first.length).toBeLessThan(events.length);
    const rest: RunEvent[] = [];
    for await (const event of client.watch(run.id, { after: first.at(-1)?.cursor ?? '' })) rest.push(event);
    const resumed = rest.map((event) => (event.__typename === 'TokenDelta' ? event.text : '')).join('');
    expect(first.map((event) => event.text ?? '').join('') + resumed === ANSWER).toBe(true);
  }, 300_000);
});
