import { describe, expect, it } from 'vitest';
import type { LoadInput } from '../../../src/adapters/loaders/load-input.ts';
import { run } from '../../../src/adapters/loaders/load-task.ts';
import { DomainError } from '../../../src/domain/errors.ts';
import { MEDIA_TYPES, resolveMediaType } from '../../../src/domain/media-type.ts';
import type { LoadedText } from '../../../src/domain/ports/documents.ts';
import { splitText } from '../../../src/planes/data/splitter.ts';
import { makeDocx, makeEpub, makePdf, makeZip } from '../../support/documents.ts';

const limits = { textLengthMax: 100_000, unpackedBytesMax: 200_000, pageCountMax: 20 };
const load = (
  content: string | Uint8Array,
  mediaType: string,
  fileName: string | null = 'a file',
): Promise<LoadedText> => {
  const input: LoadInput = { bytes: Uint8Array.from(Buffer.from(content)), mediaType, fileName, limits };
  return run(input);
};
const headingsOf = ({ text, headings }: LoadedText) =>
  headings.map(({ level, title, start }) => [level, title, text.slice(start, start + 12)]);
const blocksOf = ({ text, blocks }: LoadedText) => blocks.map(({ start, end }) => text.slice(start, end));

describe('text', () => {
  it.each(['', '\ufeff'])('is stored as it was submitted (%j first)', async (mark) => {
    const text = `${mark}# One\r\n\r\nΣ 😀\r\n`;
    expect((await load(text, MEDIA_TYPES.text)).text).toBe(text);
    const markdown = await load(text, MEDIA_TYPES.markdown);
    expect(markdown.text).toBe(text);
    expect(markdown.title).toBe('One');
    expect(markdown.headings).toEqual([{ level: 1, title: 'One', start: mark.length }]);
  });
});

describe('Markdown', () => {
  const source = [
    '---',
    'title: x',
    '---',
    'Big `code` [link](http://x)',
    '====',
    'text',
    '',
    '## Second ##',
    '```sh',
    '# not a heading',
    '```',
    '| a | b |',
    '|---|:-:|',
    '| 1 | 2 |',
    '',
    '- item',
    '  # not a heading either',
    '',
    '  more',
    '- item two',
    'lazy',
    '',
    'Para',
    '***',
    '####### seven',
    '#no space',
    '###### six {#anchor}',
    'Small',
    '---',
    '~~~',
    'open to the end',
  ];

  it.each(['\n', '\r\n'])('has headings and blocks with exact offsets (line end %j)', async (lineEnd) => {
    const loaded = await load(source.join(lineEnd), MEDIA_TYPES.markdown);
    expect(headingsOf(loaded).map(([level, title]) => [level, title])).toEqual([
      [1, 'Big code link'],
      [2, 'Second'],
      [6, 'six'],
      [2, 'Small'],
    ]);
    expect(headingsOf(loaded).map(([, , first]) => String(first).slice(0, 5))).toEqual([
      'Big `',
      '## Se',
      '#####',
      'Small',
    ]);
    expect(blocksOf(loaded).map((block) => block.split(lineEnd))).toEqual([
      source.slice(0, 3),
      source.slice(8, 11),
      source.slice(11, 14),
      source.slice(15, 21),
      source.slice(29),
    ]);
  });
});

describe('HTML', () => {
  const paragraph =
    '<p>Redis answers in&nbsp;a millisecond,\n and <b>forg</b>ets what it was told to forget.</p>'.repeat(6);

  it('keeps headings, lists, tables and code, and drops what is around the article', async () => {
    const loaded = await load(
      `<!doctype html><html><head><title> Stores
      compared </title><style>p{}</style></head><body><nav><a>Home</a></nav><main>
      <h1>Stores</h1>${paragraph}<h2>Which <em>one</em>?</h2>
      <ul><li><p>fast</p></li><li>durable<ol><li>one</li><li></li></ol></li></ul>
      <table><tr><th>Store</th><th>For</th></tr><tr><td>Redis<br>7</td><td><div>limits</div></td></tr></table>
      <pre><code>SET a 1
  GET a</code></pre><p hidden>secret</p><script>alert(1)</script></main><footer>Imprint</footer></body></html>`,
      MEDIA_TYPES.html,
    );
    expect(loaded.title).toBe('Stores compared');
    expect(headingsOf(loaded)).toEqual([
      [1, 'Stores', 'Stores\n\nRedi'],
      [2, 'Which one?', 'Which one?\n\n'],
    ]);
    expect(blocksOf(loaded)).toEqual([
      '- fast\n- durable\n1. one',
      'Store | For\nRedis 7 | limits',
      'SET a 1\n  GET a',
    ]);
    expect(loaded.text).toContain('Redis answers in a millisecond, and forgets what');
    expect(loaded.text).not.toMatch(/Home|Imprint|secret|alert/);
  });

  it('finds the article of a page that does not mark it', async () => {
    const links = '<div class="sidebar"><a href="/x">Another page of this site</a></div>'.repeat(10);
    const loaded = await load(
      `<html><head><title>T</title></head><body>${links}<div class="post"><h2>Stores</h2>${paragraph}<p>A comma, a comma, and a table:</p><table><tr><td>cell</td></tr></table></div></body></html>`,
      MEDIA_TYPES.html,
    );
    expect(loaded.text).toContain('Redis answers');
    expect(blocksOf(loaded)).toEqual(['cell']);
  });

  it('reads fragments and other encodings', async () => {
    expect((await load('<p>One<p>Two', MEDIA_TYPES.html)).text).toBe('One\n\nTwo');
    const latin = Buffer.from('<meta charset="iso-8859-1"><p>Größe</p>', 'latin1');
    expect((await load(latin, MEDIA_TYPES.html)).text).toBe('Größe');
  });
});

describe('PDF', () => {
  it('is text with pages', async () => {
    const loaded = await load(
      makePdf([['First line', 'second line', '', 'new (paragraph)'], ['Page two']], { title: 'Report' }),
      MEDIA_TYPES.pdf,
    );
    expect(loaded.title).toBe('Report');
    expect(loaded.text).toBe('First line\nsecond line\n\nnew (paragraph)\n\nPage two');
    expect(loaded.pageStarts).toEqual([0, loaded.text.indexOf('Page two')]);
  });
});

describe('Word', () => {
  it('is text with headings and tables', async () => {
    const loaded = await load(
      makeDocx(
        [
          { style: 'Title', text: 'Handbook' },
          { style: 'Heading1', text: 'Holidays' },
          { text: 'Everybody has 30 days &amp; a birthday.' },
        ],
        [
          ['Year', 'Days'],
          ['2026', '30'],
        ],
      ),
      MEDIA_TYPES.docx,
    );
    expect(loaded.title).toBe('Handbook');
    expect(headingsOf(loaded).map(([level, title]) => [level, title])).toEqual([
      [1, 'Handbook'],
      [1, 'Holidays'],
    ]);
    expect(loaded.text).toContain('Everybody has 30 days & a birthday.');
    expect(blocksOf(loaded)).toEqual(['Year | Days\n2026 | 30']);
  });
});

describe('CSV', () => {
  it('is a line for each row, with the names of its columns', async () => {
    const loaded = await load(
      '\ufeffCountry;Capital;"Note; free"\r\nFrance;Paris;"says ""bonjour""\r\nand more"\r\n\r\nPeru;Lima;\r\n',
      MEDIA_TYPES.csv,
    );
    expect(blocksOf(loaded)).toEqual([
      'Country: France | Capital: Paris | Note; free: says "bonjour" and more',
      'Country: Peru | Capital: Lima',
    ]);
    expect(loaded.text).toBe(blocksOf(loaded).join('\n\n'));
  });

  it.each([
    ['tabs', 'a\tb\n1,5\t2', MEDIA_TYPES.tsv, ['a: 1,5 | b: 2']],
    ['bars', 'a|b\n1|2', MEDIA_TYPES.csv, ['a: 1 | b: 2']],
    [
      'numbers in the first row',
      '1,2\n3,4',
      MEDIA_TYPES.csv,
      ['Column 1: 1 | Column 2: 2', 'Column 1: 3 | Column 2: 4'],
    ],
    ['rows of other lengths', 'a,b\n1\n1,2,3', MEDIA_TYPES.csv, ['a: 1', 'a: 1 | b: 2 | Column 3: 3']],
    ['one column', 'name\nAda\nBob', MEDIA_TYPES.csv, ['name: Ada', 'name: Bob']],
    ['one row', 'a,b', MEDIA_TYPES.csv, ['Column 1: a | Column 2: b']],
    ['old line ends', 'a,b\r1,2\r', MEDIA_TYPES.csv, ['a: 1 | b: 2']],
  ])('takes %s', async (_what, text, mediaType, lines) => {
    expect(blocksOf(await load(text, mediaType))).toEqual(lines);
  });

  it('keeps every row whole in a chunk', async () => {
    const rows = Array.from(
      { length: 300 },
      (_, n) => `item ${n},"a description of item ${n}, which is long",${n}`,
    );
    const loaded = await load(`name,about,number\n${rows.join('\n')}`, MEDIA_TYPES.csv);
    const chunks = splitText(loaded).map(({ start, end }) => loaded.text.slice(start, end));
    expect(chunks.length).toBeGreaterThan(10);
    for (let n = 0; n < 300; n += 1) {
      const line = `name: item ${n} | about: a description of item ${n}, which is long | number: ${n}`;
      expect(chunks.filter((chunk) => chunk.split('\n').includes(line))).toHaveLength(1);
    }
  });
});

describe('JSON', () => {
  it('is records for lists and sections for objects, with numbers as they are written', async () => {
    const loaded = await load(
      JSON.stringify({
        title: 'Fleet',
        ships: [
          { name: 'Ada', crew: { captain: 'Lovelace', size: 12 }, ports: ['Kiel', 'Riga'] },
          { name: 'Bob' },
        ],
        harbour: { fees: { night: 17 } },
      }).replace('12', '12345678901234567890.10'),
      MEDIA_TYPES.json,
    );
    expect(loaded.title).toBe('Fleet');
    expect(headingsOf(loaded).map(([level, title]) => [level, title])).toEqual([
      [1, 'ships'],
      [1, 'harbour'],
      [2, 'fees'],
    ]);
    expect(blocksOf(loaded)).toEqual([
      'title: Fleet',
      'name: Ada | crew.captain: Lovelace | crew.size: 12345678901234567890.10 | ports: Kiel, Riga',
      'name: Bob',
      'night: 17',
    ]);
  });

  it('of a record a line is a list', async () => {
    const loaded = await load('{"a":1}\n\n{"a":{"b":true}}\n', MEDIA_TYPES.jsonLines);
    expect(blocksOf(loaded)).toEqual(['a: 1', 'a.b: true']);
  });
});

describe('EPUB', () => {
  it('is its chapters in reading order, with headings, tables and code', async () => {
    const loaded = await load(
      makeEpub('The lighthouse', {
        'b chapter.xhtml': '<h1>Lamp</h1><p>It is cleaned on Thursday.</p><title/><pre>turn();</pre>',
        'a.xhtml':
          '<h1>Stairs</h1><p>There are 199&nbsp;steps.</p><table><tr><td>up</td><td>199</td></tr></table>',
      }),
      MEDIA_TYPES.epub,
    );
    expect(loaded.title).toBe('The lighthouse');
    expect(headingsOf(loaded)).toEqual([
      [1, 'Lamp', 'Lamp\n\nIt is '],
      [1, 'Stairs', 'Stairs\n\nTher'],
    ]);
    expect(loaded.text).toContain('There are 199 steps.');
    expect(blocksOf(loaded)).toEqual(['turn();', 'up | 199']);
  });
});

describe('ZIP', () => {
  it('is a part for each file, under its path', async () => {
    const loaded = await load(
      makeZip({
        'docs/': '',
        'docs/guide.md': '# Guide\n\nRead `this`.\n\n```sh\nls\n```\n',
        'docs/stores.csv': 'name,for\nRedis,limits',
        'a.html': '<main><h1>Page</h1><p>Words.</p></main>',
        'photo.png': 'x',
        '.hidden.md': 'secret',
        '__MACOSX/docs/._guide.md': 'junk',
        'inner.zip': makeZip({ 'deep.md': 'deep' }),
      }),
      MEDIA_TYPES.zip,
    );
    expect(headingsOf(loaded)).toEqual([
      [1, 'a.html', 'a.html\n\nPage'],
      [2, 'Page', 'Page\n\nWords.'],
      [1, 'docs/guide.md', 'docs/guide.m'],
      [2, 'Guide', '# Guide\n\nRea'],
      [1, 'docs/stores.csv', 'docs/stores.'],
    ]);
    expect(blocksOf(loaded)).toEqual(['```sh\nls\n```', 'name: Redis | for: limits']);
    expect(loaded.text).not.toMatch(/secret|junk|deep/);
  });
});

/** Marks an archive's only entry as encrypted. */
function encryptedZip(): Uint8Array {
  const zip = Buffer.from(makeZip({ 'a.txt': 'secret' }));
  zip.writeUInt16LE(1, zip.indexOf('PK\x01\x02') + 8);
  return zip;
}

/** "A billion laughs": ten entities, each ten times the one before. */
function laughs(): Uint8Array {
  const entities = Array.from({ length: 10 }, (_, n) => {
    return `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`;
  });
  const doctype = `<!DOCTYPE x [<!ENTITY l0 "ha">${entities.join('')}]>`;
  const namespace = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
  const body = '<w:body><w:p><w:r><w:t>&l10;</w:t></w:r></w:p></w:body>';
  return makeZip({ 'word/document.xml': `${doctype}<w:document ${namespace}>${body}</w:document>` });
}

describe('what cannot be read', () => {
  const bomb = makeZip({ 'word/document.xml': 'a'.repeat(300_000) }, 10);
  const unicode = Buffer.from([0x61, 0xff, 0x62]);
  const cases: readonly [string, string | Uint8Array, string, RegExp][] = [
    ['empty text', '', MEDIA_TYPES.text, /is empty/],
    ['blank text', ' \n\u00a0', MEDIA_TYPES.text, /no text/],
    ['NUL characters', 'a\0b', MEDIA_TYPES.markdown, /NUL/],
    ['invalid UTF-8', unicode, MEDIA_TYPES.text, /not valid UTF-8/],
    ['too much text', 'a'.repeat(100_001), MEDIA_TYPES.text, /longer than 100000/],
    ['a PDF called text', makePdf([['x']]), MEDIA_TYPES.text, /is a PDF, not text/],
    ['an archive called text', makeZip({ a: 'b' }), MEDIA_TYPES.text, /ZIP archive, not text/],
    ['text called PDF', 'hello', MEDIA_TYPES.pdf, /does not begin like a PDF/],
    ['a broken PDF', '%PDF-1.7\nnothing else', MEDIA_TYPES.pdf, /PDF is broken/],
    ['a PDF cut off', makePdf([['hello']]).subarray(0, 200), MEDIA_TYPES.pdf, /PDF/],
    ['an encrypted PDF', makePdf([['x']], { encrypted: true }), MEDIA_TYPES.pdf, /encrypted/],
    ['a PDF without text', makePdf([[''], ['']]), MEDIA_TYPES.pdf, /scan/],
    [
      'a PDF of too many pages',
      makePdf(Array.from({ length: 21 }, () => ['x'])),
      MEDIA_TYPES.pdf,
      /21 pages/,
    ],
    ['text called Word', 'hello', MEDIA_TYPES.docx, /begin like a Word/],
    ['another archive', makeZip({ 'a.txt': 'b' }), MEDIA_TYPES.docx, /ZIP archive, not a Word/],
    ['a broken archive', makeDocx([{ text: 'x' }]).subarray(0, 300), MEDIA_TYPES.docx, /archive is broken/],
    ['a bomb that lies about its size', bomb, MEDIA_TYPES.docx, /unpacks to more/],
    ['broken XML', makeZip({ 'word/document.xml': '<w:document' }), MEDIA_TYPES.docx, /broken/],
    ['an old Word file', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0, 0]), MEDIA_TYPES.docx, /old or encrypted/],
    ['elements without end', `${'<div>'.repeat(5_000)}x`, MEDIA_TYPES.html, /nested too deeply/],
    ['an unknown kind', 'x', 'image/png', /image\/png is not supported/],
    [
      'UTF-16 with a mark',
      Buffer.from('\ufeffwords', 'utf16le'),
      MEDIA_TYPES.text,
      /is UTF-16 text; save it as UTF-8/,
    ],
    [
      'UTF-16 without',
      Buffer.from('a,b\n1,2', 'utf16le'),
      MEDIA_TYPES.csv,
      /is UTF-16 text; save it as UTF-8/,
    ],
    ['Latin-1', Buffer.from('Größe,Länge\n1,2', 'latin1'), MEDIA_TYPES.csv, /is Latin-1 .* save it as UTF-8/],
    ['Latin-1 JSON', Buffer.from('{"ort":"Köln"}', 'latin1'), MEDIA_TYPES.json, /is Latin-1/],
    ['JSON cut off', '{"a": [1, 2', MEDIA_TYPES.json, /not valid JSON/],
    ['a broken line', '{"a":1}\n{"a":', MEDIA_TYPES.jsonLines, /its line 2 is not valid JSON/],
    ['JSON without end', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, MEDIA_TYPES.json, /nested too deeply/],
    ['an open quote', 'a,b\n1,"2', MEDIA_TYPES.csv, /never closed/],
    ['a CSV that is a program', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1]), MEDIA_TYPES.csv, /is a program/],
    [
      'a table that grows by its header',
      `${'h'.repeat(5_000)}\n${'1\n'.repeat(500)}`,
      MEDIA_TYPES.csv,
      /longer than 100000/,
    ],
    ['a ZIP called EPUB', makeZip({ 'a.txt': 'b' }), MEDIA_TYPES.epub, /ZIP archive, not an EPUB/],
    [
      'an EPUB cut off',
      makeEpub('x', { 'a.xhtml': '<p>x</p>' }).subarray(0, 400),
      MEDIA_TYPES.epub,
      /archive is broken/,
    ],
    [
      'an EPUB without its chapter',
      makeEpub('x', { 'a.xhtml': '<p>x</p>' }, { drop: 'OEBPS/a.xhtml' }),
      MEDIA_TYPES.epub,
      /a\.xhtml is missing/,
    ],
    [
      'an encrypted EPUB',
      makeEpub('x', { 'a.xhtml': '<p>x</p>' }, { encrypted: 'OEBPS/a.xhtml' }),
      MEDIA_TYPES.epub,
      /EPUB is encrypted/,
    ],
    ['text called ZIP', 'hello', MEDIA_TYPES.zip, /begin like a ZIP/],
    ['a ZIP of nothing to read', makeZip({ 'photo.png': 'x' }), MEDIA_TYPES.zip, /none of the files/],
    [
      'a ZIP bomb',
      makeZip({ 'a.txt': 'a'.repeat(150_000), 'b.txt': 'a'.repeat(150_000) }),
      MEDIA_TYPES.zip,
      /longer than|unpacks to more/,
    ],
    [
      'a ZIP with a broken file',
      makeZip({ 'good.txt': 'x', 'bad.pdf': '%PDF-1.7' }),
      MEDIA_TYPES.zip,
      /"bad\.pdf" cannot be read: the PDF is broken/,
    ],
    ['an encrypted ZIP', encryptedZip(), MEDIA_TYPES.zip, /archive is encrypted/],
    [
      'a PDF behind a ZIP',
      Buffer.concat([makeZip({ a: 'b' }), makePdf([['x']])]),
      MEDIA_TYPES.pdf,
      /ZIP archive and a PDF at once/,
    ],
    [
      'a ZIP behind a PDF',
      Buffer.concat([makePdf([['x']]), makeZip({ a: 'b' })]),
      MEDIA_TYPES.pdf,
      /PDF and a ZIP archive at once/,
    ],
    [
      'a PDF in a web page',
      Buffer.concat([Buffer.from('<script>/*'), makePdf([['x']])]),
      MEDIA_TYPES.pdf,
      /markup and a PDF at once/,
    ],
    [
      'a picture called PDF',
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 1, 2]),
      MEDIA_TYPES.pdf,
      /PNG image, not a PDF/,
    ],
    ['entities that multiply', laughs(), MEDIA_TYPES.docx, /broken|no text/],
  ];
  it.each(cases)('%s', async (_, content, mediaType, reason) => {
    const error: unknown = await load(content, mediaType, 'my file').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DomainError);
    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', retryable: false });
    expect((error as Error).message).toMatch(/^"my file" cannot be read: .*\.$/);
    expect((error as Error).message).toMatch(reason);
  });
});

describe('the media type', () => {
  it.each([
    ['text/markdown; charset=UTF-8', null, 'text/markdown'],
    ['application/octet-stream', 'Report.PDF', 'application/pdf'],
    ['', 'notes.md', 'text/markdown'],
    ['text/plain', 'notes.md', 'text/markdown'],
    ['text/plain', 'notes.html', 'text/plain'],
    ['TEXT/HTML', null, 'text/html'],
    ['application/octet-stream', 'noname', 'application/octet-stream'],
    ['image/png', 'x.txt', 'image/png'],
  ])('%j of %j is %j', (declared, fileName, expected) => {
    expect(resolveMediaType(declared, fileName)).toBe(expected);
  });
});
