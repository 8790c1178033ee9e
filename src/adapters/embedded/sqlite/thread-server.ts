import { parentPort } from 'node:worker_threads';
import { toWire } from '../../worker/messages.ts';
import { fromSqliteError } from './sqlite-error.ts';
import type { Operations, ThreadCall, ThreadReply } from './thread-messages.ts';

/** Answers the calls of this thread's owner, one after the other. `path` names the file in errors. */
export function serveThread(path: string, operations: Operations): void {
  parentPort?.on('message', ({ id, operation, input }: ThreadCall) => {
    parentPort?.postMessage(perform(path, operations[operation], id, input));
  });
}

function perform(
  path: string,
  operation: ((input: never) => unknown) | undefined,
  id: number,
  input: unknown,
): ThreadReply {
  try {
    // Owner and thread share one type of operations; nothing else can post here.
    return { id, ok: true, value: operation?.(input as never) };
  } catch (error) {
    return { id, ok: false, error: toWire(fromSqliteError(path, error)) };
  }
}
