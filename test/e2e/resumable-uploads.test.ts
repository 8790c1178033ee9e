import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MultiDbClient } from '../../src/client/index.ts';
import { accessToken, post } from '../support/graphql.ts';
import { DEMO, startTestSystem, type TestSystem } from '../support/system.ts';

const TEXT = 'text/plain';
let system: TestSystem;
let token: string;
beforeAll(async () => {
  system = await startTestSystem();
  token = await accessToken(system.url, DEMO.email, DEMO.password);
});
afterAll(() => system.close());

async function createUpload(size: number): Promise<{ uploadId: string; url: string }> {
  const query = `mutation ($input: CreateUploadInput!) { createUpload(input: $input) {
    ... on CreateUploadSuccess { uploadId url } } }`;
  const input = { fileName: 'log.txt', mediaType: TEXT, size };
  const { body } = await post(system.url, query, { input }, token);
  return body.data?.['createUpload'] as { uploadId: string; url: string };
}
async function ingest(uploadId: string): Promise<string | undefined> {
  const query = `mutation ($input: IngestInput!) { ingest(input: $input) {
    ... on IngestSuccess { document { id } } } }`;
  const { body } = await post(system.url, query, { input: { source: { uploadId } } }, token);
  return (body.data?.['ingest'] as { document: { id: string } } | undefined)?.document.id;
}
const send = async (
  method: string,
  url: string,
  init: { offset?: number | string; body?: Uint8Array } = {},
) => {
  const response = await fetch(new URL(url, system.url), {
    method,
    headers: {
      'content-type': 'application/offset+octet-stream',
      ...(init.offset !== undefined && { 'upload-offset': String(init.offset) }),
    },
    ...(init.body && { body: Uint8Array.from(init.body) }),
  });
  await response.arrayBuffer();
  return [response.status, response.headers.get('upload-offset')];
};

/** Announces a whole body, sends a part of it, and cuts the connection. */
function sendAndCut(url: string, offset: number, body: Uint8Array, sentLength: number): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = request(new URL(url, system.url), {
      method: 'PATCH',
      headers: {
        'content-type': 'application/offset+octet-stream',
        'content-length': String(body.length),
        'upload-offset': String(offset),
      },
    });
    outgoing.on('error', () => resolve());
    outgoing.write(body.subarray(0, sentLength), () => setTimeout(() => outgoing.destroy(), 50));
    outgoing.on('close', () => resolve());
  });
}

describe('a resumable upload', () => {
  it('takes bytes in steps, tells how far it is, and is whole at the last one', async () => {
    const bytes = Buffer.from('The first half. The second half.');
    const { uploadId, url } = await createUpload(bytes.length);
    expect(await send('HEAD', url)).toEqual([200, '0']);
    expect(await send('PATCH', url, { offset: 0, body: bytes.subarray(0, 16) })).toEqual([204, '16']);
    expect(await send('HEAD', url)).toEqual([200, '16']);
    expect(await ingest(uploadId)).toBeUndefined();
    expect(await send('PATCH', url, { offset: 16, body: bytes.subarray(16) })).toEqual([204, '32']);
    expect(await send('HEAD', url)).toEqual([200, '32']);
    const client = await system.client();
    const id = (await ingest(uploadId)) ?? '';
    for await (const _ of client.documents.events(id));
    expect(await client.documents.text(id)).toBe(bytes.toString());
  });

  it('is used once: no more bytes come behind its end', async () => {
    const { url } = await createUpload(4);
    expect(await send('PATCH', url, { offset: 0, body: Buffer.from('full') })).toEqual([204, '4']);
    expect((await send('PATCH', url, { offset: 4, body: Buffer.from('more') }))[0]).toBe(409);
    expect((await send('PUT', url, { body: Buffer.from('else') }))[0]).toBe(409);
  });

  it.each([
    ['a gap', { offset: 3, body: Buffer.from('x') }, 409],
    ['no offset', { body: Buffer.from('x') }, 400],
    ['an offset that is none', { offset: '-1', body: Buffer.from('x') }, 400],
    ['more than was announced', { offset: 0, body: Buffer.alloc(11, 97) }, 413],
  ])('refuses %s, and goes on after it', async (_what, init, status) => {
    const { url } = await createUpload(10);
    expect((await send('PATCH', url, init))[0]).toBe(status);
    expect(await send('HEAD', url)).toEqual([200, '0']);
    expect(await send('PATCH', url, { offset: 0, body: Buffer.alloc(10, 98) })).toEqual([204, '10']);
  });

  it('is nobody’s without the signature', async () => {
    const { url } = await createUpload(10);
    const forged = url.replace(/signature=../, 'signature=xx');
    expect((await send('HEAD', forged))[0]).toBe(403);
    expect((await send('PATCH', forged, { offset: 0, body: Buffer.from('x') }))[0]).toBe(403);
  });
});

describe('the SDK', () => {
  it('goes on by itself where a dropped connection left it', { timeout: 60_000 }, async () => {
    const words = 'Every line of this log is different from the others: ';
    const text = Array.from({ length: 160_000 }, (_, line) => `${words}${line}\n`).join('');
    const bytes = new Uint8Array(Buffer.from(text));
    expect(bytes.length).toBeGreaterThan(9_000_000);
    const sent: string[] = [];
    let cutsLeft = 2;
    const client = new MultiDbClient({
      url: system.url,
      fetch: async (input, init) => {
        const method = init?.method ?? 'GET';
        if (method === 'PATCH' || method === 'HEAD' || method === 'PUT') sent.push(method);
        if (method !== 'PATCH' || cutsLeft === 0) return fetch(input, init);
        cutsLeft -= 1;
        const offset = Number(new Headers(init?.headers).get('upload-offset'));
        const body = new Uint8Array(await new Response(init?.body).arrayBuffer());
        await sendAndCut(String(input), offset, body, 5_000_000);
        throw new TypeError('fetch failed');
      },
    });
    await client.login(DEMO.email, DEMO.password);
    const { document } = await client.ingest({ bytes, fileName: 'log.txt' }).accepted;
    expect(sent.filter((method) => method === 'PUT')).toEqual([]);
    expect(sent.filter((method) => method === 'HEAD').length).toBeGreaterThanOrEqual(2);
    for await (const { stage } of client.documents.events(document.id)) if (stage === 'split') break;
    await client.documents.cancel(document.id).catch(() => undefined);
    const { body } = await post(
      system.url,
      `query ($id: ID!) { document(id: $id) { text(version: 1) } }`,
      { id: document.id },
      token,
    );
    const { text: stored } = (body.data?.['document'] ?? {}) as { text?: string };
    expect(stored).toHaveLength(text.length);
    expect(stored === text).toBe(true);
    client.close();
  });
});
