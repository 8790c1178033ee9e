import { describe, expect, it } from 'vitest';
import type { LoadInput } from '../../../src/adapters/loaders/load-input.ts';
import { run } from '../../../src/adapters/loaders/load-task.ts';
import { DomainError } from '../../../src/domain/errors.ts';
import { MEDIA_TYPES, resolveMediaType } from '../../../src/domain/media-type.ts';
import type { LoadedText } from '../../../src/domain/ports/documents.ts';
import { makeDocx, makePdf, makeZip } from '../../support/documents.ts';

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
