/** Runs in a worker thread: splitting ten megabytes takes longer than a token may wait. */
import type { LoadedText } from '../../domain/ports/documents.ts';
import { type Piece, splitText } from './splitter.ts';

export function run(loaded: LoadedText): Piece[] {
  return splitText(loaded);
}
