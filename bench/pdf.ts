/**
 * PDF files from upload to READY, beside unpdf alone reading the same bytes: pages a second in interleaved rounds. Every
 * file is new to the server, so that nothing is recognised. `PDF_FILES` and `PDF_PAGES` size a round.
 */
import { extractText, getDocumentProxy } from 'unpdf';
import { makePdf } from '../test/support/documents.ts';
import { printTable } from './harness.ts';
import { signIn, startProduct, withFolder } from './product.ts';

const FILES = Number(process.env['PDF_FILES'] ?? 8);
const PAGES = Number(process.env['PDF_PAGES'] ?? 40);
const ROUNDS = 3;
const LINES = 40;

function files(round: number): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: FILES }, (_, file) => {
    const pages = Array.from({ length: PAGES }, (_page, page) =>
      Array.from({ length: LINES }, (_line, line) => {
        return `Round ${round} file ${file} page ${page} line ${line}: the crane lifts ${page * line} tonnes.`;
      }),
    );
    return new Uint8Array(makePdf(pages));
  });
}

async function bare(bytes: Uint8Array): Promise<void> {
  const pdf = await getDocumentProxy(Uint8Array.from(bytes));
  await extractText(pdf, { mergePages: false });
  await pdf.loadingTask.destroy();
}

const pagesPerSecond = (startedAt: number) => (FILES * PAGES * 1000) / (performance.now() - startedAt);
const median = (values: readonly number[]) =>
  [...values].sort((left, right) => left - right)[values.length >> 1] ?? 0;

await withFolder(async (folder) => {
  const product = await startProduct({ folder });
  const { client } = await signIn(product.url);
  const ingest = (bytes: Uint8Array<ArrayBuffer>) => client.ingest({ bytes, fileName: 'a.pdf' }).ready();
  const [warmUp] = files(-1);
  if (warmUp !== undefined) {
    await ingest(warmUp);
    await bare(warmUp);
  }
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    const batch = files(round);
    const parserStartedAt = performance.now();
    for (const bytes of batch) await bare(bytes);
    theirs.push(pagesPerSecond(parserStartedAt));
    const startedAt = performance.now();
    await Promise.all(batch.map(ingest));
    ours.push(pagesPerSecond(startedAt));
  }
  await product.stop();
  const [endToEnd, parser] = [median(ours), median(theirs)];
  printTable(
    `PDF end to end, ${FILES} files of ${PAGES} pages, median of ${ROUNDS} rounds`,
    ['', 'pages/s'],
    [
      ['upload to READY', endToEnd],
      ['unpdf alone', parser],
      ['ratio', endToEnd / parser],
    ],
  );
});
