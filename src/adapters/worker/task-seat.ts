import type { TaskOptions } from '../../domain/ports/tasks.ts';
import type { TaskRequest } from './messages.ts';

/** A place where one task at a time is performed, and which ends with a task that has to be stopped. */
export interface TaskSeat {
  readonly alive: boolean;
  /** Rejects with what the task threw, with TaskFailure, or with the signal's reason. */
  perform(request: TaskRequest, options: TaskOptions): Promise<unknown>;
  terminate(): Promise<void>;
}
