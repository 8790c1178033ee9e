import { DomainError } from '../../domain/errors.ts';
import { isSupportedMediaType } from '../../domain/media-type.ts';
import type { DocumentLoader, LoadedText, LoadRequest } from '../../domain/ports/documents.ts';
import { TaskFailure, type TaskModule, type TaskRunner } from '../../domain/ports/tasks.ts';
import type { LoadInput, LoadLimits } from './load-input.ts';
import { refusal } from './refusal.ts';

const LOAD_TASK: TaskModule<LoadInput, Promise<LoadedText>> = {
  url: new URL(import.meta.url.endsWith('.ts') ? './load-task.ts' : './load-task.js', import.meta.url).href,
};
const DEFAULTS: DocumentLoaderOptions = {
  timeoutMs: 120_000,
  limits: { textLengthMax: 20_000_000, unpackedBytesMax: 256 * 1024 * 1024, pageCountMax: 5_000 },
};

export interface DocumentLoaderOptions {
  /** For one document. */
  readonly timeoutMs: number;
  readonly limits: LoadLimits;
}

/** Parses foreign files in a worker thread: what hangs, eats memory or crashes there costs the file, not the server. */
export class ThreadedDocumentLoader implements DocumentLoader {
  readonly #tasks: TaskRunner;
  readonly #options: DocumentLoaderOptions;

  constructor(tasks: TaskRunner, options: Partial<DocumentLoaderOptions> = {}) {
    this.#tasks = tasks;
    this.#options = { ...DEFAULTS, ...options };
  }

  supports(mediaType: string): boolean {
    return isSupportedMediaType(mediaType);
  }

  async load(request: LoadRequest, signal: AbortSignal): Promise<LoadedText> {
    const { timeoutMs, limits } = this.#options;
    try {
      return await this.#tasks.run(LOAD_TASK, { ...request, limits }, { timeoutMs, signal });
    } catch (error) {
      throw error instanceof TaskFailure ? this.#explain(error, request.fileName) : error;
    }
  }

  /** Too slow and too big are the file's doing; a full queue, a closing pool or an unexplained end are not. */
  #explain(failure: TaskFailure, fileName: string | null): DomainError {
    if (failure.reason === 'timeout') {
      return refusal(fileName, `reading it takes longer than ${this.#options.timeoutMs / 1000} s`, failure);
    }
    if (failure.reason === 'out-of-memory') {
      return refusal(fileName, 'reading it needs more memory than is allowed', failure);
    }
    return new DomainError('STORE_UNAVAILABLE', `The reader stopped: ${failure.message}.`, {
      cause: failure,
    });
  }
}
