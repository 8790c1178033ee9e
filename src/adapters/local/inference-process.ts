/** Entry of the process that runs one model: one reply for each request. */
import { setPriority } from 'node:os';
import { type Inference, loadInference } from './inference.ts';
import type { ProcessReply, ProcessRequest } from './process-messages.ts';

/** Below serving: a question's few tokens are waited for, but what answers it shares these cores. */
const NICENESS = 5;

let inference: Inference | undefined;

async function answer(request: ProcessRequest): Promise<ProcessReply> {
  if (request.kind === 'load') return load(request);
  try {
    if (inference === undefined) throw new Error('no model is loaded');
    return { kind: 'vectors', values: await inference(request.texts) };
  } catch (error) {
    return { kind: 'failure', message: messageOf(error) };
  }
}

async function load({ model, threadCount }: ProcessRequest & { kind: 'load' }): Promise<ProcessReply> {
  try {
    inference = await loadInference(model, threadCount);
    return { kind: 'ready' };
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    return { kind: 'unusable', absent, message: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// A terminal sends its signals to us too. Our parent drains first, and the channel's end is our sign to go.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
try {
  setPriority(NICENESS);
} catch {
  // A container may forbid it; then everything has the same priority.
}
process.on('message', (request: ProcessRequest) => {
  void answer(request).then((reply) => process.send?.(reply));
});
