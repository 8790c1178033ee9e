/** The built-in embedder on one core, in this thread: chunks of 200 of its own tokens, as ingestion makes them. */
import { StaticEmbedder } from '../src/adapters/builtin/static-embedder.ts';
import { loadStaticModel } from '../src/adapters/builtin/static-model.ts';
import { median, pinToLoadCore, printTable } from './harness.ts';
import { corpus } from './product.ts';

const TOKENS = 200;
const CHUNKS = 512;
const WARM_UP_ROUNDS = 3;
const ROUNDS = 9;

pinToLoadCore();
const embedder = new StaticEmbedder(await loadStaticModel());
const chunks = cutIntoChunks(
  corpus()
    .map(({ text }) => text)
    .join('\n\n'),
);
const seconds: number[] = [];
for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round += 1) {
  const before = process.cpuUsage();
  await embedder.embedDocuments(chunks, AbortSignal.timeout(60_000));
  const { user, system } = process.cpuUsage(before);
  if (round >= WARM_UP_ROUNDS) seconds.push((user + system) / 1e6);
}
printTable(
  `Built-in embedding, ${CHUNKS} chunks of ${TOKENS} tokens`,
  ['figure', 'measured', 'target'],
  [['chunks per CPU second, median', CHUNKS / median(seconds), '≥ 1000']],
);

/** Real text, cut where a chunk reaches its number of tokens; repeated until there are enough. */
function cutIntoChunks(text: string): string[] {
  const words = text.split(/(?<=\s)/);
  const cut: string[] = [];
  let chunk = '';
  for (let index = 0; cut.length < CHUNKS; index += 1) {
    chunk += words[index % words.length];
    if (index % 8 !== 0 || embedder.tokenizer.count(chunk) < TOKENS) continue;
    cut.push(chunk);
    chunk = '';
  }
  return cut;
}
