import { SeededRandom } from '../support/random.ts';
import type { ScriptedAnswer, ScriptedRequest } from '../support/scripted-openai.ts';

export const PRICES = { inputMicrosPerMillion: 3_000_000, outputMicrosPerMillion: 5_000_000 } as const;

const TAG = /#([\w.-]+)#/g;
const DELTA_CHARACTERS = 6;
const NOT_A_PREFIX = 'asked to continue what was never said';

/** A question whose answer is a function of its tag alone. */
export function questionOf(tag: string): string {
  return `Which store keeps the answer of #${tag}#?`;
}

function randomOf(tag: string): SeededRandom {
  let hash = 0x811c9dc5;
  for (const character of tag) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return new SeededRandom(hash);
}

/** Four bytes, two bytes and one, every word with its number: what is lost, doubled or cut in two shows. */
export function answerOf(tag: string): string {
  const wordCount = 20 + Math.floor(randomOf(tag).fraction() * 80);
  const words = Array.from(
    { length: wordCount },
    (_, index) => `w${index} 😀é${index % 7 === 0 ? '\n' : ' '}`,
  );
  return `${tag}: ${words.join('')}end.`;
}

/** What the model says it used for the request that goes on behind `shownLength` UTF-16 units. */
export function reportedUsage(tag: string, shownLength: number): { input: number; output: number } {
  return { input: 1_000 + shownLength, output: answerOf(tag).length - shownLength };
}

/** Continues an unfinished message where it stands. First attempts are slow enough to be interrupted. */
export function scriptedAnswer({ messages }: ScriptedRequest): ScriptedAnswer {
  const last = messages.at(-1);
  const shown = last?.['role'] === 'assistant' ? String(last['content']) : '';
  const question = messages.findLast((message) => message['role'] === 'user');
  const tag = [...String(question?.['content']).matchAll(TAG)].at(-1)?.[1] ?? '';
  const answer = answerOf(tag);
  if (!answer.startsWith(shown)) return { deltas: [NOT_A_PREFIX] };
  const rest = [...answer.slice(shown.length)];
  const deltas = Array.from({ length: Math.ceil(rest.length / DELTA_CHARACTERS) }, (_, index) =>
    rest.slice(index * DELTA_CHARACTERS, (index + 1) * DELTA_CHARACTERS).join(''),
  );
  const paceMs = shown === '' ? 8 + Math.floor(randomOf(`${tag} pace`).fraction() * 10) : 3;
  return { deltas, paceMs, usage: reportedUsage(tag, shown.length) };
}
