/** A module that exports `run(input: Input): Output | Promise<Output>`. It must import nothing with decorators. */
export interface TaskModule<Input, Output> {
  /** Absolute URL; `.ts` when running from source, `.js` when built. */
  readonly url: string;
  /** Carries the types only; never set. */
  readonly signature?: (input: Input) => Output;
}

export interface TaskOptions {
  /** Counted from when the task begins, not while it waits for a thread. */
  readonly timeoutMs: number;
  /** Ends a waiting task at once and a running one with its thread. */
  readonly signal: AbortSignal;
}

/**
 * Runs modules beside the thread that serves. Input and output are structured clones. A DomainError thrown by the module
 * arrives as it is; a task that took its thread down or had to be stopped rejects with TaskFailure.
 */
export interface TaskRunner {
  run<Input, Output>(
    module: TaskModule<Input, Output>,
    input: Input,
    options: TaskOptions,
  ): Promise<Awaited<Output>>;
}

export type TaskFailureReason = 'timeout' | 'out-of-memory' | 'crashed' | 'queue-full' | 'closed';

/** The task's own work is in doubt, not its input: the caller decides whether to try again. */
export class TaskFailure extends Error {
  readonly reason: TaskFailureReason;

  constructor(reason: TaskFailureReason, message: string, cause?: Error) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TaskFailure';
    this.reason = reason;
  }
}
