import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { run as load } from '../../../src/adapters/loaders/load-task.ts';
import { MEDIA_TYPES, resolveMediaType } from '../../../src/domain/media-type.ts';
import type { LoadedText } from '../../../src/domain/ports/documents.ts';
import { PIECE_LENGTH_MAX, splitText } from '../../../src/planes/data/splitter.ts';
import { makeDocx, makeEpub } from '../../support/documents.ts';

const limits = { textLengthMax: 10_000_000, unpackedBytesMax: 10_000_000, pageCountMax: 100 };
const OVERLAP_MAX = 160;
const SENTENCES: Readonly<Record<string, string>> = {
  Arabic: 'تحفظ قاعدة البيانات المستندات الطويلة بأمان. هل يمكن البحث فيها بسرعة؟ نعم، في كل وقت! ',
  Thai: 'ฐานข้อมูลเก็บเอกสารยาวไว้อย่างปลอดภัย ผู้ใช้ค้นหาข้อความได้ทุกเวลา ระบบตอบพร้อมแหล่งอ้างอิง ',
  Chinese: '数据库安全地保存很长的文档。用户可以随时搜索吗？可以，系统会给出引用！',
  Japanese: 'データベースは長い文書を安全に保存する。いつでも検索できる？できます。',
  Hindi: 'डेटाबेस लंबे दस्तावेज़ सुरक्षित रखता है। क्या उन्हें जल्दी खोजा जा सकता है? हाँ, हर समय। ',
  Hebrew: 'מסד הנתונים שומר מסמכים ארוכים. האם אפשר לחפש בהם? כן, תמיד! ',
  Emoji: '👩‍👩‍👧‍👦 sends 📄 to 🗄️. It is 👍🏽! 🇩🇪 and 🇯🇵 too? ',
};

function check(loaded: LoadedText): void {
  const { text } = loaded;
  const pieces = splitText(loaded);
  let covered = 0;
  for (const { start, end, ordinal } of pieces) {
    const chunk = text.slice(start, end);
    expect(chunk).toBe(chunk.trim());
    expect(chunk.isWellFormed()).toBe(true);
    expect(chunk.length).toBeGreaterThan(0);
    expect(chunk.length).toBeLessThanOrEqual(PIECE_LENGTH_MAX);
    // Nothing but white space lies between two pieces, and they share a sentence at most.
    expect(text.slice(covered, Math.max(covered, start)).trim()).toBe('');
    if (ordinal > 0) expect(covered - start).toBeLessThanOrEqual(OVERLAP_MAX);
    covered = Math.max(covered, end);
  }
  expect(text.slice(covered).trim()).toBe('');
}

const read = (content: string | Uint8Array, mediaType: string): Promise<LoadedText> =>
  load({ bytes: Uint8Array.from(Buffer.from(content)), mediaType, fileName: 'a file', limits });

describe.each(Object.entries(SENTENCES))('%s', (_script, sentences) => {
  const long = sentences.repeat(60);

  it('is cut between sentences, at exact offsets, whatever format it comes in', async () => {
    const formats: readonly (readonly [string | Uint8Array, string])[] = [
      [long, MEDIA_TYPES.text],
      [`# ${sentences.slice(0, 20)}\n\n${long}\n\n- ${sentences}\n- ${sentences}\n`, MEDIA_TYPES.markdown],
      [
        `<main><h1>x</h1><p>${long}</p><table><tr><td>${sentences}</td></tr></table></main>`,
        MEDIA_TYPES.html,
      ],
      [makeDocx([{ style: 'Title', text: 'x' }, { text: long }]), MEDIA_TYPES.docx],
      [makeEpub('x', { 'a.xhtml': `<h1>x</h1><p>${long}</p>` }), MEDIA_TYPES.epub],
      [`a,b\n${`"${sentences}",1\n`.repeat(30)}`, MEDIA_TYPES.csv],
      [JSON.stringify({ a: { b: long } }), MEDIA_TYPES.json],
    ];
    for (const [content, mediaType] of formats) {
      const loaded = await read(content, mediaType);
      check(loaded);
      expect(splitText(loaded).length).toBeGreaterThan(1);
    }
  });

  it('without any sentence end or space is not cut inside a character', () => {
    const letters = sentences.replace(/[\s\p{P}]/gu, '').repeat(80);
    const borders = new Set([letters.length]);
    for (const { index } of new Intl.Segmenter().segment(letters)) borders.add(index);
    const loaded = { text: letters, title: null, pageStarts: [], headings: [], blocks: [] };
    check(loaded);
    for (const { start, end } of splitText(loaded)) {
      expect(letters.slice(start, end).isWellFormed()).toBe(true);
      expect([borders.has(start), borders.has(end)]).toEqual([true, true]);
    }
  });
});

describe('real documents', async () => {
  const root = new URL('../../../', import.meta.url);
  const fixtures = (await readdir(new URL('test/fixtures/documents/', root))).map(
    (name) => `test/fixtures/documents/${name}`,
  );
  const pages = (await readdir(new URL('docs/', root))).filter((name) => name.endsWith('.md'));
  const files = [...fixtures, ...pages.map((name) => `docs/${name}`), 'README.md', 'CHANGELOG.md'];

  it.each(files)('%s', async (file) => {
    check(await read(await readFile(new URL(file, root)), resolveMediaType('', file)));
  });
});
