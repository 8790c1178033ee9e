import { notFound } from '../../../domain/errors.ts';
import type { ChatLog, RunEventLog } from '../../../domain/ports/runs.ts';
import type { Unsubscribe } from '../../../domain/ports/system.ts';
import type { Run, RunEvent } from '../../../domain/run.ts';
import { isTerminal } from '../../../domain/run.ts';
import type { Feed } from '../../services.ts';

const READ_COUNT_MAX = 256;
/** Made once: without a reason, each `abort` makes an exception with its stack. */
const CLOSED = new Error('the feed is closed');

export interface RunFeedDeps {
  readonly runEventLog: Pick<RunEventLog, 'read' | 'subscribe'>;
  readonly chatLog: Pick<ChatLog, 'readEvents'>;
  /** Resolves when the run's message and charge are stored; gives up when the signal aborts. */
  settled(run: Run, signal: AbortSignal): Promise<void>;
}

/**
 * A reader of one run's events: a position and no queue. It is attached before it reads, so nothing falls between; a
 * pushed batch that continues the position is handed on as it is, any other only says that there is more to read. The
 * terminal event is held back until the run is settled: who has seen the end finds the message and the charge.
 */
export class RunFeed implements Feed<RunEvent> {
  readonly #deps: RunFeedDeps;
  readonly #run: Run;
  readonly #closed = new AbortController();
  #unsubscribe: Unsubscribe | undefined;
  /** Sequence of the last event handed out. */
  #position: number;
  /** The newest batch pushed since the last look. */
  #pushed: readonly RunEvent[] | undefined;
  /** There may be more in the log than what was pushed. */
  #isBehind = true;
  /** The terminal event, while the rest of its batch is handed out before it. */
  #last: RunEvent | undefined;
  #ended = false;
  #wake: (() => void) | undefined;
  #answer: ((events: readonly RunEvent[] | undefined) => void) | undefined;

  private constructor(deps: RunFeedDeps, run: Run, after: number) {
    this.#deps = deps;
    this.#run = run;
    this.#position = after;
  }

  static async open(deps: RunFeedDeps, run: Run, after: number): Promise<RunFeed> {
    // One event back: if the reader holds the terminal event already, no other will ever come to say so.
    const feed = new RunFeed(deps, run, Math.max(after, 0) - 1);
    const scope = { workspaceId: run.workspaceId };
    feed.#unsubscribe = await deps.runEventLog.subscribe(scope, run.id, (events) => feed.#push(events));
    try {
      await feed.#skipTo(after);
    } catch (error) {
      feed.close();
      throw error;
    }
    return feed;
  }

  next(): Promise<readonly RunEvent[] | undefined> {
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#advance().then((events) => {
        this.#answer = undefined;
        resolve(events);
      }, reject);
    });
  }

  close(): void {
    this.#closed.abort(CLOSED);
    this.#end();
    this.#wake?.();
    this.#answer?.(undefined);
  }

  #end(): void {
    this.#ended = true;
    this.#unsubscribe?.();
    this.#pushed = undefined;
  }

  async #skipTo(after: number): Promise<void> {
    if (after < 0) return;
    const [event] = (await this.#read(1)) ?? [];
    if (!event) throw notFound('cursor here');
    if (isTerminal(event)) this.#end();
    this.#position = after;
  }

  async #advance(): Promise<readonly RunEvent[] | undefined> {
    if (this.#last) return this.#handOutLast(this.#last);
    while (!this.#closed.signal.aborted) {
      const events = this.#takePushed() ?? (this.#isBehind ? await this.#catchUp() : undefined);
      if (this.#closed.signal.aborted) return undefined;
      if (events && events.length > 0) return this.#handOut(events);
      if (!this.#isBehind && !this.#pushed) await this.#awaitPush();
    }
    return undefined;
  }

  #handOut(events: readonly RunEvent[]): Promise<readonly RunEvent[] | undefined> | readonly RunEvent[] {
    const last = events.at(-1);
    if (!last || !isTerminal(last)) {
      this.#position = last?.sequence ?? this.#position;
      return events;
    }
    if (events.length === 1) return this.#handOutLast(last);
    this.#last = last;
    this.#position = last.sequence - 1;
    return events.slice(0, -1);
  }

  async #handOutLast(last: RunEvent): Promise<readonly RunEvent[] | undefined> {
    await this.#deps.settled(this.#run, this.#closed.signal);
    if (this.#closed.signal.aborted) return undefined;
    this.#end();
    return [last];
  }

  #push(events: readonly RunEvent[]): void {
    const first = events[0];
    const last = events.at(-1);
    if (!first || !last || last.sequence <= this.#position) return;
    if (this.#pushed || first.sequence !== this.#position + 1) this.#isBehind = true;
    else this.#pushed = events;
    this.#wake?.();
  }

  #takePushed(): readonly RunEvent[] | undefined {
    const events = this.#pushed;
    this.#pushed = undefined;
    // A read may have handed these out meanwhile, or some of them.
    if (!events || events[0]?.sequence === this.#position + 1) return events;
    this.#isBehind = true;
    return undefined;
  }

  async #catchUp(): Promise<readonly RunEvent[] | undefined> {
    this.#isBehind = false;
    const events = await this.#read(READ_COUNT_MAX);
    if (events && events.length === READ_COUNT_MAX) this.#isBehind = true;
    return events;
  }

  /** The live log; when it is gone, the chat log, which keeps finished runs for ever. */
  async #read(limit: number): Promise<readonly RunEvent[] | undefined> {
    const { runEventLog, chatLog } = this.#deps;
    const scope = { workspaceId: this.#run.workspaceId };
    const live = await runEventLog.read(scope, this.#run.id, this.#position, limit);
    if (live !== undefined) return live;
    return chatLog.readEvents(scope, this.#run.id, this.#position);
  }

  #awaitPush(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
      if (this.#closed.signal.aborted) this.#wake();
    });
  }
}
