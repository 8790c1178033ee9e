import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MultiDbClient } from '../../src/client/index.ts';
import { makeDocx, makeEpub, makePdf, makeZip } from '../support/documents.ts';
import { freePort } from '../support/free-port.ts';
import { DataFolderFixture, runCli, type ServerProcess, startServer } from '../support/server-process.ts';

/** Each says one thing that no other says, in its own format. */
const READABLE: Readonly<Record<string, string | Uint8Array>> = {
  'plain.txt': 'The barn owl sleeps in the tower.',
  'notes/guide.md': '# Ferry\n\nThe ferry to Hven leaves at seven.\n',
  'notes/page.html': '<html><body><main><h1>Bakery</h1><p>The bakery opens at five.</p></main></body></html>',
  'report.pdf': makePdf([['Cover'], ['The crane lifts 42 tonnes.']]),
  'letter.docx': makeDocx([
    { style: 'Heading1', text: 'Lamp' },
    { text: 'The lamp is cleaned on Thursdays.' },
  ]),
  'table.csv': 'island,ferries\nHven,12 daily\nVen,3 daily\n',
  'table.tsv': 'mill\tpower\nNorth\t90 kilowatts\n',
  'data.json': '[{"museum":"Glyptotek","closed":"Mondays"}]',
  'data.jsonl': '{"bridge":"Öresund","length":"7845 metres"}\n',
  'book.epub': makeEpub('Voyages', { 'a.xhtml': '<h1>Storm</h1><p>The mast broke off Skagen.</p>' }),
  'pack.zip': makeZip({
    'deep/inner.md': '# Well\n\nThe well is 19 metres deep.',
    'deep/inner.csv': 'tree,age\nYew,900 years',
    'photo.png': 'x',
  }),
};
const HOSTILE: Readonly<Record<string, readonly [string | Uint8Array, RegExp]>> = {
  'bad/scan.pdf': [makePdf([['']]), /no text; is it a scan/],
  'bad/locked.pdf': [makePdf([['x']], { encrypted: true }), /encrypted/],
  'bad/cut.pdf': [makePdf([['hello']]).subarray(0, 250), /PDF/],
  'bad/both.pdf': [Buffer.concat([makePdf([['x']]), makeZip({ a: 'b' })]), /ZIP archive at once/],
  'bad/picture.md': [Buffer.from([0x89, 0x50, 0x4e, 0x47, 1, 2]), /PNG image/],
  'bad/wide.txt': [Buffer.from('\ufeffwide', 'utf16le'), /UTF-16/],
  'bad/latin.csv': [Buffer.from('Ort,Größe\nKöln,1', 'latin1'), /Latin-1/],
  'bad/broken.json': ['{"a": [', /not valid JSON/],
  'bad/bomb.docx': [makeZip({ 'word/document.xml': 'a'.repeat(3_000_000) }, 10), /unpacks to more/],
};
const NOT_DOCUMENTS = ['photo.png', '.hidden.md', 'notes/.git/config.md'];

let files: string;
let folder: DataFolderFixture;
let server: ServerProcess;
let port: number;
let client: MultiDbClient;
beforeAll(async () => {
  files = await mkdtemp(join(tmpdir(), 'multidb-ingest-'));
  folder = await DataFolderFixture.make();
  port = await freePort();
  server = await startServer({
    folder: folder.path,
    env: { PORT: String(port), LOAD_UNPACKED_BYTES_MAX: '1000000' },
  });
  client = await server.client();
}, 120_000);
afterAll(async () => {
  client?.close();
  await server?.stop();
  await folder?.remove();
  await rm(files, { recursive: true, force: true });
});

async function write(name: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(files, name)), { recursive: true });
  await writeFile(join(files, name), content);
}
const ingest = (...paths: string[]) => runCli(['ingest', ...paths], { PORT: String(port) });
const passageOf = async (question: string) => {
  const [first] = await client.search(question, { first: 1 });
  return first;
};

describe('multidb ingest', () => {
  it('takes a folder with every format, and names what it refuses with the reason', {
    timeout: 180_000,
  }, async () => {
    for (const [name, content] of Object.entries(READABLE)) await write(name, content);
    for (const [name, [content]] of Object.entries(HOSTILE)) await write(name, content);
    for (const name of NOT_DOCUMENTS) await write(name, 'nobody asked for this');
    const { code, stdout } = await ingest(files);
    const lines = stdout.split('\n');
    for (const [name, [, reason]] of Object.entries(HOSTILE)) {
      const line = lines.find((text) => text.includes(join(files, name)));
      expect(line, name).toMatch(reason);
    }
    expect(lines.filter((line) => line.startsWith('✗'))).toHaveLength(Object.keys(HOSTILE).length);
    expect(code).toBe(1);
    // An archive counts as the two files in it.
    expect(stdout).toContain(`${Object.keys(READABLE).length + 1} ready`);
    expect(stdout).toMatch(/Skipping 2 of no known format: .*photo\.png/);
  });

  it.each([
    ['Where does the barn owl sleep?', 'plain.txt', 'in the tower'],
    ['When does the ferry to Hven leave?', 'Ferry', 'at seven'],
    ['When does the bakery open?', 'Bakery', 'at five'],
    ['How much does the crane lift?', 'report.pdf', '42 tonnes'],
    ['When is the lamp cleaned?', 'Lamp', 'on Thursdays'],
    ['How many ferries go to Hven daily?', 'table.csv', 'island: Hven | ferries: 12 daily'],
    ['What power has the North mill?', 'table.tsv', 'mill: North | power: 90 kilowatts'],
    ['When is the Glyptotek museum closed?', 'data.json', 'museum: Glyptotek | closed: Mondays'],
    ['How long is the Öresund bridge?', 'data.jsonl', 'length: 7845 metres'],
    ['Where did the mast break?', 'Voyages', 'off Skagen'],
    ['How deep is the well?', 'Well', '19 metres deep'],
    ['How old is the yew tree?', 'inner.csv', 'tree: Yew | age: 900 years'],
  ])('then answers: %s', { timeout: 60_000 }, async (question, title, words) => {
    const passage = await passageOf(question);
    expect(passage?.document.title).toBe(title);
    expect(passage?.text).toContain(words);
    const { id } = passage?.document ?? { id: '' };
    const { start = 0, end = 0, text } = passage ?? {};
    expect(await client.documents.text(id, { start, end })).toBe(text);
    if (title === 'report.pdf') expect(passage?.page).toBe(2);
  });

  it('run again takes only what changed, as a new version', { timeout: 60_000 }, async () => {
    const before = await client.documents.list({ first: 100 });
    await write('notes/guide.md', '# Ferry\n\nThe ferry to Hven leaves at nine.\n');
    const { code, stdout } = await ingest(join(files, 'notes'), join(files, 'pack.zip'));
    expect({ code, ready: /4 ready/.test(stdout) }).toEqual({ code: 0, ready: true });
    const after = await client.documents.list({ first: 100 });
    expect(after.edges).toHaveLength(before.edges.length);
    expect(after.edges.filter(({ node }) => node.version === 2).map(({ node }) => node.title)).toEqual([
      'Ferry',
    ]);
    expect((await passageOf('When does the ferry to Hven leave?'))?.text).toContain('at nine');
  });

  it('says in one line each what is missing', { timeout: 60_000 }, async () => {
    const missing = join(files, 'missing.pdf');
    const { code, stdout } = await ingest(missing);
    expect(code).toBe(1);
    expect(stdout).toContain(`${missing}: `);
    const wrong = await ingest('--collection', 'col_00000000000000000000000000', join(files, 'plain.txt'));
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toMatch(/plain\.txt: .*collection/);
  });
});
