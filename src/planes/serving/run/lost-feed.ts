import type { Run, RunEvent, RunEventBody } from '../../../domain/run.ts';
import type { Feed } from '../../services.ts';

/** The end of a settled run whose events are in neither log any more: it says that they are missing, and how it ended. */
export class LostFeed implements Feed<RunEvent> {
  #events: readonly RunEvent[] | undefined;

  /** `answered`: its message is still there. */
  constructor(run: Run, after: number, answered: boolean) {
    const missing = Math.max(after, -1) + 1;
    this.#events = [
      { type: 'RunGap', firstMissing: missing, lastMissing: missing, sequence: missing },
      { ...endOf(run, answered), sequence: missing + 1 },
    ];
  }

  async next(): Promise<readonly RunEvent[] | undefined> {
    const events = this.#events;
    this.#events = undefined;
    return events;
  }

  close(): void {
    this.#events = undefined;
  }
}

function endOf({ error, finishReason }: Run, answered: boolean): RunEventBody {
  if (error) return { type: 'RunError', error };
  if (finishReason && answered) return { type: 'RunEnd', finishReason };
  const message = 'The answer is not stored any more.';
  return { type: 'RunError', error: { code: 'NOT_FOUND', message, retryable: false } };
}
