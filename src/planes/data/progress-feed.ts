import type { Document, DocumentProgress } from '../../domain/document.ts';
import type { DocumentId } from '../../domain/ids.ts';
import type { DocumentProgressLog, DocumentRepository } from '../../domain/ports/documents.ts';
import type { Clock, Unsubscribe } from '../../domain/ports/system.ts';
import type { WorkspaceScope } from '../../domain/scope.ts';
import type { Feed } from '../services.ts';

export interface ProgressFeedDeps {
  readonly documents: Pick<DocumentRepository, 'find'>;
  readonly progress: DocumentProgressLog;
  readonly clock: Clock;
}

const BATCH_LENGTH_MAX = 100;
/** A wake-up that got lost, or a document that was removed, is noticed after this long. */
const RECHECK_MS = 15_000;

/** The progress of one document after a position, then live; holds the position and nothing else. */
export class ProgressFeed implements Feed<DocumentProgress> {
  readonly #deps: ProgressFeedDeps;
  readonly #scope: WorkspaceScope;
  readonly #documentId: DocumentId;
  readonly #closing = new AbortController();
  #unsubscribe: Unsubscribe | undefined;
  #after: number;
  #ended = false;
  /** True when something may have been appended since the last read. */
  #stirred = false;
  #wake: () => void = () => undefined;

  private constructor(deps: ProgressFeedDeps, scope: WorkspaceScope, documentId: DocumentId, after: number) {
    this.#deps = deps;
    this.#scope = scope;
    this.#documentId = documentId;
    this.#after = after;
  }

  /** Attached before the first read, so that nothing falls between the two. */
  static async open(
    deps: ProgressFeedDeps,
    scope: WorkspaceScope,
    place: { readonly documentId: DocumentId; readonly after: number },
  ): Promise<ProgressFeed> {
    const feed = new ProgressFeed(deps, scope, place.documentId, place.after);
    feed.#unsubscribe = await deps.progress.subscribe(scope, place.documentId, () => feed.#stir());
    // A reader that comes back after the last event must not wait for another.
    feed.#ended = await feed.#isOver(place.after);
    return feed;
  }

  async next(): Promise<readonly DocumentProgress[] | undefined> {
    while (!this.#ended && !this.#closing.signal.aborted) {
      this.#stirred = false;
      const events = await this.#read(this.#after);
      if (this.#closing.signal.aborted) break;
      const last = events.at(-1);
      if (last !== undefined) {
        this.#after = last.sequence;
        this.#ended = await this.#endsWith(last);
        return events;
      }
      if ((await this.#find()) === undefined) break;
      await this.#rest();
    }
    this.close();
    return undefined;
  }

  close(): void {
    this.#closing.abort();
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#stir();
  }

  #stir(): void {
    this.#stirred = true;
    this.#wake();
  }

  /** Until something stirs; not at all if it did while we read. */
  async #rest(): Promise<void> {
    if (this.#stirred) return;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await this.#deps.clock.sleep(RECHECK_MS, woken.signal).catch(() => undefined);
  }

  async #isOver(after: number): Promise<boolean> {
    if (after < 0) return false;
    const [seen] = await this.#deps.progress.read(this.#scope, this.#documentId, after - 1, 1);
    return seen !== undefined && this.#endsWith(seen);
  }

  /** READY or FAILED is the end only for the newest version; another may have been submitted since. */
  async #endsWith(event: DocumentProgress): Promise<boolean> {
    if (event.stage !== 'done' && event.stage !== 'failed') return false;
    const document = await this.#find();
    return document === undefined || event.version >= document.version;
  }

  #read(after: number): Promise<readonly DocumentProgress[]> {
    return this.#deps.progress.read(this.#scope, this.#documentId, after, BATCH_LENGTH_MAX);
  }

  #find(): Promise<Document | undefined> {
    return this.#deps.documents.find(this.#scope, this.#documentId);
  }
}
