/** What subscriptions return: hand-written iterators over feeds, whose end interrupts a pending `next`. */
import type { DocumentProgress } from '../domain/document.ts';
import type { DocumentId, RunId } from '../domain/ids.ts';
import type { RunEvent } from '../domain/run.ts';
import type { Feed } from '../planes/services.ts';
import type { RequestContext } from './context.ts';
import { cursorPrefix, cursorSuffix, encodeCursor, positionIn } from './cursors.ts';
import { requireId } from './inputs.ts';

const DONE = { done: true, value: undefined } as const;

/**
 * One event at a time out of a feed's batches. Not a generator: a generator's `return` waits for its pending `next`,
 * so a client that leaves during a quiet stretch would be kept until the next event.
 */
export class FeedStream<Event, Item> implements AsyncIterableIterator<Item, undefined> {
  readonly feed: Feed<Event>;
  readonly #map: (event: Event) => Item;
  #batch: readonly Event[] = [];
  #index = 0;
  #closed = false;

  constructor(feed: Feed<Event>, map: (event: Event) => Item) {
    this.feed = feed;
    this.#map = map;
  }

  /** The consumer asks for one at a time, as `for await` does. */
  async next(): Promise<IteratorResult<Item, undefined>> {
    let event = this.#batch[this.#index];
    if (event === undefined && !this.#closed) {
      this.#batch = (await this.feed.next()) ?? [];
      this.#index = 0;
      event = this.#batch[0];
    }
    if (event === undefined || this.#closed) return this.return();
    this.#index += 1;
    return { done: false, value: this.#map(event) };
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    if (!this.#closed) {
      this.#closed = true;
      this.#batch = [];
      this.feed.close();
    }
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** A run event as the schema's resolvers see it. */
export type RunEventSource = RunEvent & { readonly runId: RunId; readonly cursor: string };

/** Keeps the run's id beside the feed, for transports that write events without resolvers. */
export class RunEventStream extends FeedStream<RunEvent, RunEventSource> {
  readonly runId: RunId;
  readonly cursorPrefix: string;

  constructor(runId: RunId, feed: Feed<RunEvent>) {
    const prefix = cursorPrefix(runId);
    super(feed, (event) => ({ ...event, runId, cursor: prefix + cursorSuffix(event.sequence) }));
    this.runId = runId;
    this.cursorPrefix = prefix;
  }
}

export type DocumentEventSource = DocumentProgress & { readonly cursor: string };

export async function openRunEvents(
  context: RequestContext,
  args: { readonly runId: string; readonly after?: string | null },
): Promise<RunEventStream> {
  const principal = context.requirePrincipal();
  const runId = requireId('run', args.runId);
  const after = positionIn(runId, args.after);
  return new RunEventStream(runId, await context.services.runs.watch(principal, runId, after));
}

export async function openDocumentEvents(
  context: RequestContext,
  args: { readonly documentId: string; readonly after?: string | null },
): Promise<FeedStream<DocumentProgress, DocumentEventSource>> {
  const principal = context.requirePrincipal();
  const documentId: DocumentId = requireId('doc', args.documentId);
  const after = positionIn(documentId, args.after);
  const feed = await context.services.documents.watch(principal, documentId, after);
  return new FeedStream(feed, (event) => ({ ...event, cursor: encodeCursor(documentId, event.sequence) }));
}
