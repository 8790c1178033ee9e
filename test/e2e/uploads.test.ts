import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MultiDbClient } from '../../src/client/index.ts';
import { makeDocx, makePdf } from '../support/documents.ts';
import { accessToken, post } from '../support/graphql.ts';
import { DEMO, startTestSystem, type TestSystem } from '../support/system.ts';

const PDF = 'application/pdf';
const PAGES = [
  ['Harbour handbook', '', 'This handbook describes the harbour of Altona.'],
  ['Cranes', '', 'The blue crane lifts at most 42 tonnes.', 'Only the night shift may use it.'],
  ['Fees', '', 'A mooring costs 17 crowns per night.'],
];

let system: TestSystem;
let client: MultiDbClient;
let token: string;

beforeAll(async () => {
  system = await startTestSystem({ UPLOAD_BYTES_MAX: '100000' });
  client = await system.client();
  token = await accessToken(system.url, DEMO.email, DEMO.password);
});
afterAll(() => system.close());

interface Upload {
  readonly uploadId: string;
  readonly url: string;
}
async function createUpload(size: number, fileName = 'file.pdf', mediaType = PDF, url = system.url) {
  const query = `mutation ($input: CreateUploadInput!) { createUpload(input: $input) {
    __typename ... on CreateUploadSuccess { uploadId url } ... on UserError { code } } }`;
  const bearer = url === system.url ? token : await accessToken(url, DEMO.email, DEMO.password);
  const { body } = await post(url, query, { input: { fileName, mediaType, size } }, bearer);
  return body.data?.['createUpload'] as Upload & { readonly __typename: string; readonly code?: string };
}
async function put(url: string, body: Uint8Array, mediaType = PDF, base = system.url) {
  const response = await fetch(new URL(url, base), {
    method: 'PUT',
    headers: { 'content-type': mediaType },
    body: Uint8Array.from(body),
  });
  const text = await response.text();
  return { status: response.status, code: text === '' ? undefined : codeOf(text) };
}
const codeOf = (text: string): unknown =>
  (JSON.parse(text) as { errors: { extensions: { code: string } }[] }).errors[0]?.extensions.code;
async function ingest(uploadId: string) {
  const query = `mutation ($input: IngestInput!) { ingest(input: $input) {
    __typename ... on IngestSuccess { document { id } } ... on UserError { code } } }`;
  return post(system.url, query, { input: { source: { uploadId } } }, token);
}

describe('a file of somebody', () => {
  it('of several pages is cited with the page', async () => {
    const bytes = Uint8Array.from(makePdf(PAGES, { title: 'Harbour handbook' }));
    const document = await client.ingest({ bytes, fileName: 'harbour.pdf' }).ready();
    expect(document).toMatchObject({ title: 'Harbour handbook', status: 'READY' });
    const { text, citations } = await client.ask('How much does the blue crane lift?').finished();
    expect(text).toContain('42 tonnes');
    const [citation] = citations;
    expect(citation).toMatchObject({
      page: 2,
      documentTitle: 'Harbour handbook',
      document: { id: document.id },
    });
    const { sourceStart: start = 0, sourceEnd: end = 0, quote } = citation ?? {};
    expect(await client.documents.text(document.id, { start, end })).toBe(quote);
  });

  it('from a word processor is cited with its heading', async () => {
    const bytes = Uint8Array.from(
      makeDocx([
        { style: 'Title', text: 'Lighthouse rules' },
        { style: 'Heading1', text: 'Lamp' },
        { text: 'The lamp of the lighthouse is cleaned every Thursday by the keeper.' },
        { style: 'Heading1', text: 'Stairs' },
        { text: 'The stairs have 199 steps.' },
      ]),
    );
    const document = await client.ingest({ bytes, fileName: 'lighthouse.docx' }).ready();
    const { citations } = await client.ask('When is the lamp of the lighthouse cleaned?').finished();
    const cited = citations.find((citation) => citation.document?.id === document.id);
    expect(cited?.quote).toContain('every Thursday');
    expect(cited?.headingPath).toContain('Lamp');
    expect(cited?.page).toBeNull();
  });

  it('goes through createUpload and PUT, once', async () => {
    const bytes = makePdf([['The boathouse is red.']]);
    const upload = await createUpload(bytes.length);
    expect(await put(upload.url, bytes)).toEqual({ status: 204, code: undefined });
    expect(await put(upload.url, bytes)).toEqual({ status: 409, code: 'CONFLICT' });
    const { body } = await ingest(upload.uploadId);
    expect(body.data?.['ingest']).toMatchObject({ __typename: 'IngestSuccess' });
  });
});

describe('an upload is refused', () => {
  const bytes = makePdf([['The ferry leaves at noon.']]);

  it.each([
    ['too short a body', bytes.subarray(1)],
    ['too long a body', Uint8Array.from([...bytes, 10])],
    ['no body', new Uint8Array()],
  ])('for %s, and can be sent again', async (_what, body) => {
    const upload = await createUpload(bytes.length);
    expect(await put(upload.url, body)).toEqual({ status: 413, code: 'LIMIT_EXCEEDED' });
    expect((await ingest(upload.uploadId)).body.data?.['ingest'] ?? null).not.toMatchObject({
      __typename: 'IngestSuccess',
    });
    expect(await put(upload.url, bytes)).toMatchObject({ status: 204 });
  });

  it('for another type than announced', async () => {
    const upload = await createUpload(bytes.length);
    expect(await put(upload.url, bytes, 'image/png')).toEqual({ status: 415, code: 'BAD_USER_INPUT' });
  });

  it('for any change of its address', async () => {
    const { url, uploadId } = await createUpload(bytes.length);
    const address = new URL(url, system.url);
    expect([...address.searchParams.keys()].length).toBeGreaterThan(0);
    for (const name of address.searchParams.keys()) {
      const changed = new URL(address);
      const value = changed.searchParams.get(name) ?? '';
      changed.searchParams.set(name, `${value.startsWith('1') ? '2' : '1'}${value.slice(1)}`);
      expect(await put(changed.href, bytes)).toEqual({ status: 403, code: 'FORBIDDEN' });
    }
    const other = await createUpload(bytes.length);
    const swapped = address.href.replace(uploadId, other.uploadId);
    expect(await put(swapped, bytes)).toEqual({ status: 403, code: 'FORBIDDEN' });
  });

  it('for a kind that cannot be read, or too large a file, before anything is sent', async () => {
    expect(await createUpload(10, 'photo.png', 'image/png')).toMatchObject({
      __typename: 'UnsupportedDocument',
    });
    expect(await createUpload(100_001)).toMatchObject({ __typename: 'DocumentTooLarge' });
  });

  it('once it has expired', async () => {
    const hasty = await startTestSystem({ UPLOAD_TTL_MS: '1' });
    const upload = await createUpload(bytes.length, 'file.pdf', PDF, hasty.url);
    expect(await put(upload.url, bytes, PDF, hasty.url)).toEqual({ status: 410, code: 'NOT_FOUND' });
    await hasty.close();
  });

  it('when it holds something else than it says: the document fails with a sentence', async () => {
    const broken = Buffer.from(`%PDF-1.7\n${'garbage '.repeat(500)}`);
    const ingestion = client.ingest({ bytes: Uint8Array.from(broken), fileName: 'broken.pdf' });
    await expect(ingestion.ready()).rejects.toMatchObject({ code: 'BAD_USER_INPUT', retryable: false });
    const { document } = await ingestion.accepted;
    expect(await client.documents.get(document.id)).toMatchObject({
      status: 'FAILED',
      chunkCount: 0,
      error: { code: 'BAD_USER_INPUT', message: expect.stringContaining('PDF') },
    });
    expect(await client.search('garbage', { first: 20 })).not.toContainEqual(
      expect.objectContaining({ document: expect.objectContaining({ id: document.id }) }),
    );
  });
});
