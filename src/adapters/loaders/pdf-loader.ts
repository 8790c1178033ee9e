import { getDocumentProxy } from 'unpdf';
import type { LoadedText } from '../../domain/ports/documents.ts';
import type { LoadInput } from './load-input.ts';
import { type PdfTextItem, pdfPageText } from './pdf-page-text.ts';
import { refusal } from './refusal.ts';
import { TextTooLong } from './text-builder.ts';

type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

const PAGE_BREAK = '\n\n';
const ERRORS_ONLY = 0;

export async function loadPdf({ bytes, fileName, limits }: LoadInput): Promise<LoadedText> {
  const pdf = await open(bytes, fileName);
  try {
    if (pdf.numPages > limits.pageCountMax) {
      throw refusal(fileName, `it has ${pdf.numPages} pages, at most ${limits.pageCountMax} are allowed`);
    }
    const { text, pageStarts } = await readPages(pdf, fileName, limits.textLengthMax);
    if (text.trim() === '') throw refusal(fileName, 'the PDF has no text; is it a scan?');
    return { text, title: await titleOf(pdf), pageStarts, headings: [], blocks: [] };
  } finally {
    await pdf.loadingTask.destroy();
  }
}

async function open(bytes: Uint8Array, fileName: string | null): Promise<PdfDocument> {
  try {
    // pdf.js takes its bytes over: a copy, so that the caller's stay.
    return await getDocumentProxy(Uint8Array.from(bytes), {
      verbosity: ERRORS_ONLY,
      disableFontFace: true,
      useSystemFonts: false,
    });
  } catch (error) {
    const encrypted = error instanceof Error && error.name === 'PasswordException';
    throw refusal(fileName, encrypted ? 'the PDF is encrypted' : 'the PDF is broken', error);
  }
}

async function readPages(
  pdf: PdfDocument,
  fileName: string | null,
  textLengthMax: number,
): Promise<{ text: string; pageStarts: number[] }> {
  const parts: string[] = [];
  const pageStarts: number[] = [];
  let length = 0;
  for (let number = 1; number <= pdf.numPages; number += 1) {
    const pageText = await readPage(pdf, number, fileName);
    pageStarts.push(length);
    const part = number === pdf.numPages ? pageText : pageText + PAGE_BREAK;
    parts.push(part);
    length += part.length;
    if (length > textLengthMax) throw new TextTooLong();
  }
  return { text: parts.join(''), pageStarts };
}

async function readPage(pdf: PdfDocument, number: number, fileName: string | null): Promise<string> {
  try {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    page.cleanup();
    return pdfPageText(items.flatMap((item): PdfTextItem[] => ('str' in item ? [item] : [])));
  } catch (error) {
    throw refusal(fileName, `page ${number} of the PDF is broken`, error);
  }
}

async function titleOf(pdf: PdfDocument): Promise<string | null> {
  const metadata = await pdf.getMetadata().catch(() => undefined);
  const info = metadata?.info;
  const title: unknown = info !== undefined && 'Title' in info ? info.Title : undefined;
  return typeof title === 'string' && title.trim() !== '' ? title.trim() : null;
}
