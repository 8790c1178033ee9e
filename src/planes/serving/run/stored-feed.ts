import { notFound } from '../../../domain/errors.ts';
import type { ChatLog } from '../../../domain/ports/runs.ts';
import type { Run, RunEvent } from '../../../domain/run.ts';
import type { Feed } from '../../services.ts';

/** The events of a finished run, as they were shown, from the chat log: no subscription, one batch. */
export class StoredFeed implements Feed<RunEvent> {
  #events: readonly RunEvent[] | undefined;

  private constructor(events: readonly RunEvent[]) {
    this.#events = events;
  }

  /** undefined: the chat log does not have this run. Throws NOT_FOUND for a sequence that the run never had. */
  static async open(
    chatLog: Pick<ChatLog, 'readEvents'>,
    run: Run,
    after: number,
  ): Promise<StoredFeed | undefined> {
    // From one event back, so that the reader's own position is seen to exist.
    const from = Math.max(after, 0) - 1;
    const events = await chatLog.readEvents({ workspaceId: run.workspaceId }, run.id, from);
    if (events === undefined || after < 0) return events && new StoredFeed(events);
    if (events[0]?.sequence !== after) throw notFound('cursor here');
    return new StoredFeed(events.slice(1));
  }

  async next(): Promise<readonly RunEvent[] | undefined> {
    const events = this.#events;
    this.#events = undefined;
    return events && events.length > 0 ? events : undefined;
  }

  close(): void {
    this.#events = undefined;
  }
}
