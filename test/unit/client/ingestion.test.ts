import { afterEach, expect, test } from 'vitest';
import { MultiDbClient } from '../../../src/client/index.ts';
import { type Post, type Reply, ScriptedServer, type Subscribe } from './scripted-server.ts';

const servers: ScriptedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const STAGES = ['queued', 'load', 'split', 'embed', 'index', 'verify', 'done'];
const EVENTS = STAGES.map((stage, index) => ({
  __typename: 'DocumentEvent',
  cursor: `cursor-${index}`,
  stage,
  status: stage === 'done' ? 'READY' : 'PROCESSING',
  progress: index / (STAGES.length - 1),
  message: null,
}));
const document = (status: string, error: unknown = null) => ({
  id: 'doc',
  title: 'Notes',
  status,
  version: 1,
  chunkCount: 3,
  error,
});

interface Script {
  readonly post?: (post: Post) => Reply | undefined;
  readonly put?: () => number | 'drop';
  readonly subscribe?: (subscribe: Subscribe) => void;
}
async function setUp(script: Script = {}) {
  let uploadCount = 0;
  const everyday = ({ operation }: Post): Reply => {
    if (operation === 'CreateUpload') {
      uploadCount += 1;
      const url = `/uploads/${uploadCount}?signature=s`;
      const created = {
        __typename: 'CreateUploadSuccess',
        uploadId: `upload-${uploadCount}`,
        url,
        expiresAt: '',
      };
      return { body: { data: { createUpload: created } } };
    }
    if (operation === 'Document') return { body: { data: { document: document('READY') } } };
    const ingest = { __typename: 'IngestSuccess', duplicate: false, document: document('QUEUED') };
    return { body: { data: { ingest } } };
  };
  const server = await ScriptedServer.start({
    post: (post) => script.post?.(post) ?? everyday(post),
    put: () => script.put?.() ?? 204,
    subscribe: script.subscribe ?? ((subscribe) => sendFrom(subscribe, EVENTS.length)),
  });
  servers.push(server);
  const client = new MultiDbClient({ url: server.url, retry: { firstDelayMs: 1, delayMaxMs: 2 } });
  return { server, client };
}

/** Sends the events behind the subscription's cursor, at most `count`; ends the stream when none is left. */
function sendFrom(subscribe: Subscribe, count: number): void {
  const { after } = subscribe.variables;
  const from = after === undefined ? 0 : EVENTS.findIndex(({ cursor }) => cursor === after) + 1;
  for (const documentEvents of EVENTS.slice(from, from + count)) subscribe.next({ data: { documentEvents } });
  if (from + count >= EVENTS.length) subscribe.complete();
}
const inputOf = (server: ScriptedServer, operation: string) =>
  server.posts.find((post) => post.operation === operation)?.variables.input;

test('a text is submitted as it is, and ready when its stages are done', async () => {
  const { server, client } = await setUp();
  const source = { text: '# A\r\n', mediaType: 'text/markdown', title: 'A', metadata: { year: 2026 } };
  const ingestion = client.ingest(source);
  expect((await ingestion.accepted).duplicate).toBe(false);
  expect(await ingestion.ready()).toMatchObject({ id: 'doc', status: 'READY' });
  expect(inputOf(server, 'Ingest')).toEqual({
    source: { text: { content: '# A\r\n', mediaType: 'text/markdown' } },
    title: 'A',
    metadata: { year: 2026 },
    idempotencyKey: expect.any(String),
  });
});

test('its events come once and in order, though the socket is lost behind each of them', async () => {
  const { server, client } = await setUp({
    subscribe: (subscribe) => {
      sendFrom(subscribe, 1);
      subscribe.cut();
    },
  });
  const stages: string[] = [];
  for await (const { stage } of client.ingest({ url: 'https://example.com/a' }).events()) stages.push(stage);
  expect(stages).toEqual(STAGES);
  expect(server.subscribes.length).toBeGreaterThanOrEqual(STAGES.length);
  expect(inputOf(server, 'Ingest')).toMatchObject({ source: { url: 'https://example.com/a' } });
});

test.each([
  ['a file', new File(['bytes'], 'notes.md'), {}, 'text/markdown'],
  [
    'a file that names its type',
    new File(['bytes'], 'x', { type: 'text/plain;charset=utf-8' }),
    {},
    'text/plain',
  ],
  ['bytes', { bytes: new TextEncoder().encode('bytes'), fileName: 'a.PDF' }, {}, 'application/pdf'],
  [
    'bytes of a given type',
    { bytes: new TextEncoder().encode('bytes').buffer, fileName: 'a', mediaType: 'text/html' },
    {},
    'text/html',
  ],
])('%s is uploaded, then submitted', async (_what, source, options, mediaType) => {
  const { server, client } = await setUp();
  await client.ingest(source, { ...options, externalId: 'mine' }).ready();
  expect(inputOf(server, 'CreateUpload')).toMatchObject({ mediaType, size: 5 });
  expect(server.puts).toEqual([{ path: '/uploads/1?signature=s', mediaType, body: 'bytes' }]);
  expect(inputOf(server, 'Ingest')).toMatchObject({ source: { uploadId: 'upload-1' }, externalId: 'mine' });
});

test('an upload that was lost is made again at a new address', async () => {
  let failures = 2;
  const { server, client } = await setUp({
    put: () => {
      failures -= 1;
      return failures === 1 ? 'drop' : failures === 0 ? 503 : 204;
    },
  });
  await client.ingest(new File(['bytes'], 'notes.md')).accepted;
  expect(server.puts.map(({ path }) => path)).toEqual(
    [1, 2, 3].map((each) => `/uploads/${each}?signature=s`),
  );
  expect(inputOf(server, 'Ingest')).toMatchObject({ source: { uploadId: 'upload-3' } });
});

test.each([
  [413, 'DOCUMENT_TOO_LARGE'],
  [403, 'UPLOAD_REFUSED'],
])('an upload refused with %i is not repeated', async (status, code) => {
  const { server, client } = await setUp({ put: () => status });
  await expect(client.ingest(new File(['bytes'], 'notes.md')).ready()).rejects.toMatchObject({ code });
  expect(server.puts).toHaveLength(1);
});

test('a typed failure is thrown, by what is awaited and by what is iterated', async () => {
  const { client } = await setUp({
    post: ({ operation }) => {
      const ingest = { __typename: 'UnsupportedDocument', code: 'UNSUPPORTED_DOCUMENT', message: 'no' };
      return operation === 'Ingest' ? { body: { data: { ingest } } } : undefined;
    },
  });
  const ingestion = client.ingest({ text: '' });
  const expected = { name: 'MultiDbError', code: 'UNSUPPORTED_DOCUMENT' };
  await expect(ingestion.accepted).rejects.toMatchObject(expected);
  await expect(ingestion.ready()).rejects.toMatchObject(expected);
  await expect(ingestion.events().next()).rejects.toMatchObject(expected);
});

test('a document that failed throws why', async () => {
  const error = { code: 'BROKEN_PDF', message: 'The PDF is broken.', retryable: false };
  const { client } = await setUp({
    post: ({ operation }) =>
      operation === 'Document' ? { body: { data: { document: document('FAILED', error) } } } : undefined,
  });
  await expect(client.ingest({ text: 'a' }).ready()).rejects.toMatchObject(error);
});

test('a duplicate that is ready needs no waiting', async () => {
  const { server, client } = await setUp({
    post: () => ({
      body: {
        data: { ingest: { __typename: 'IngestSuccess', duplicate: true, document: document('READY') } },
      },
    }),
  });
  expect(await client.ingest({ text: 'a' }).ready()).toMatchObject({ status: 'READY' });
  expect(server.connectionCount).toBe(0);
});

test('a second version seen behind the end of the first is waited for', async () => {
  const { client } = await setUp({
    subscribe: (subscribe) => {
      for (const [index, status] of ['READY', 'PROCESSING', 'READY'].entries()) {
        subscribe.next({ data: { documentEvents: { ...EVENTS[0], cursor: `v-${index}`, status } } });
      }
      subscribe.complete();
    },
  });
  const statuses: string[] = [];
  for await (const { status } of client.documents.events('doc')) statuses.push(status);
  expect(statuses).toEqual(['READY', 'PROCESSING', 'READY']);
});
