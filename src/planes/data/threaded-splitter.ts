import type { LoadedText } from '../../domain/ports/documents.ts';
import type { TaskModule, TaskRunner } from '../../domain/ports/tasks.ts';
import type { Piece } from './splitter.ts';

const SPLIT_TASK: TaskModule<LoadedText, Piece[]> = {
  url: new URL(import.meta.url.endsWith('.ts') ? './split-task.ts' : './split-task.js', import.meta.url).href,
};
const SPLIT_TIMEOUT_MS = 60_000;

export type Split = (loaded: LoadedText, signal: AbortSignal) => Promise<readonly Piece[]>;

/** The splitter, beside the serving thread. */
export function threadedSplit(tasks: TaskRunner): Split {
  return (loaded, signal) => tasks.run(SPLIT_TASK, loaded, { timeoutMs: SPLIT_TIMEOUT_MS, signal });
}
