import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChunkId } from '../../../src/domain/ids.ts';
import type { WorkspaceScope } from '../../../src/domain/scope.ts';
import { analyze } from '../../../src/domain/text-analyzer.ts';
import { ids, newChunk, newScope } from '../../support/fixtures.ts';
import type { ChunkIndexHarness } from './chunk-index-harness.ts';

const MODEL = { modelId: 'model-a', dimensions: 8 };
const TEXTS = {
  german: 'Die Geschwindigkeitsbegrenzung gilt in der Stadt und auf den Landstraßen.',
  french: 'Les chevaux de la reine sont dans les écuries du château.',
  russian: 'Мосты через реку построили в девятнадцатом веке.',
  chinese: '东京塔是日本的一座电波塔，建成于1958年。',
  japanese: 'この神社の桜は四月に満開になります。',
  korean: '이 도서관은 일요일에 문을 닫습니다.',
  thai: 'วัดพระแก้วตั้งอยู่ในกรุงเทพมหานคร',
  arabic: 'المكتبة الكبيرة مفتوحة يوم الجمعة.',
};
const QUESTIONS: readonly (readonly [string, keyof typeof TEXTS])[] = [
  ['Welche Begrenzung der Geschwindigkeit gilt in Städten?', 'german'],
  ['Où est le cheval de la reine et des châteaux ?', 'french'],
  ['Когда построен мост?', 'russian'],
  ['东京塔什么时候建成？', 'chinese'],
  ['桜はいつ満開ですか', 'japanese'],
  ['도서관은 언제 문을 닫나요', 'korean'],
  ['พระแก้วอยู่ที่ไหน', 'thai'],
  ['متى تفتح مكتبة كبيرة', 'arabic'],
];

/** Words of every kind of script find their text, whatever keeps the index. */
export function describeChunkLanguages(name: string, make: () => Promise<ChunkIndexHarness>): void {
  describe(`ChunkIndex languages: ${name}`, () => {
    let harness: ChunkIndexHarness;
    let scope: WorkspaceScope;
    const languageOf = new Map<ChunkId, string>();
    beforeAll(async () => {
      harness = await make();
      scope = newScope();
      for (const [language, text] of Object.entries(TEXTS)) {
        const chunk = newChunk({ documentId: ids.next('doc'), text });
        languageOf.set(chunk.id, language);
        await harness.index.upsert(scope, MODEL, [chunk]);
        await harness.index.publish(scope, chunk.documentId, 1);
      }
      await harness.settle();
    });
    afterAll(() => harness.close());

    it.each(QUESTIONS)('finds %j', async (question, language) => {
      const found = await harness.index.searchLexical(scope, analyze(question), { filter: [] }, 3);
      expect(found[0] && languageOf.get(found[0].chunkId)).toBe(language);
    });
  });
}
