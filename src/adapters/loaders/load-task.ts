/** Runs in a worker thread: bytes in, text with structure out. Parsers are imported when first needed. */
import { DomainError } from '../../domain/errors.ts';
import { isSupportedMediaType, MEDIA_TYPES, type SupportedMediaType } from '../../domain/media-type.ts';
import type { LoadedText } from '../../domain/ports/documents.ts';
import type { LoadInput } from './load-input.ts';
import { contradiction } from './magic-bytes.ts';
import { refusal } from './refusal.ts';
import { TextTooLong, TooDeep } from './text-builder.ts';

type Loader = (input: LoadInput) => LoadedText | Promise<LoadedText>;

const loadCsv = async (): Promise<Loader> => (await import('./csv-loader.ts')).loadCsv;
const loadJson = async (): Promise<Loader> => (await import('./json-loader.ts')).loadJson;
const LOADERS: Readonly<Record<SupportedMediaType, () => Promise<Loader>>> = {
  [MEDIA_TYPES.text]: async () => (await import('./text-loaders.ts')).loadPlainText,
  [MEDIA_TYPES.markdown]: async () => (await import('./text-loaders.ts')).loadMarkdown,
  [MEDIA_TYPES.html]: async () => (await import('./html-loader.ts')).loadHtml,
  [MEDIA_TYPES.pdf]: async () => (await import('./pdf-loader.ts')).loadPdf,
  [MEDIA_TYPES.docx]: async () => (await import('./docx-loader.ts')).loadDocx,
  [MEDIA_TYPES.csv]: loadCsv,
  [MEDIA_TYPES.tsv]: loadCsv,
  [MEDIA_TYPES.json]: loadJson,
  [MEDIA_TYPES.jsonLines]: loadJson,
  [MEDIA_TYPES.epub]: async () => (await import('./epub-loader.ts')).loadEpub,
  [MEDIA_TYPES.zip]: async () => {
    const { loadZip } = await import('./zip-loader.ts');
    return (input) => loadZip(input, run);
  },
};

export async function run(input: LoadInput): Promise<LoadedText> {
  const { fileName, mediaType, bytes, limits } = input;
  if (!isSupportedMediaType(mediaType))
    throw refusal(fileName, `the media type ${mediaType} is not supported`);
  if (bytes.length === 0) throw refusal(fileName, 'it is empty');
  const mismatch = contradiction(bytes, mediaType);
  if (mismatch !== undefined) throw refusal(fileName, mismatch);
  const load = await LOADERS[mediaType]();
  let loaded: LoadedText;
  try {
    loaded = await load(input);
  } catch (error) {
    throw typed(error, input);
  }
  if (loaded.text.trim() === '') throw refusal(fileName, 'it has no text');
  if (loaded.text.length > limits.textLengthMax) throw typed(new TextTooLong(), input);
  return loaded;
}

function typed(error: unknown, { fileName, limits }: LoadInput): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof TextTooLong) {
    return refusal(fileName, `its text is longer than ${limits.textLengthMax} characters`, error);
  }
  // A parser's own recursion ends in a RangeError.
  if (error instanceof TooDeep || error instanceof RangeError) {
    return refusal(fileName, 'its elements are nested too deeply', error);
  }
  return refusal(fileName, 'its content is broken', error);
}
