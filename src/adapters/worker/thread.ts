/** Entry of every worker thread: one request at a time, one reply each. */
import { parentPort } from 'node:worker_threads';
import { type TaskReply, type TaskRequest, toWire } from './messages.ts';

async function perform({ url, input }: TaskRequest): Promise<TaskReply> {
  try {
    const module: unknown = await import(url);
    if (!hasRun(module)) throw new Error(`${url} exports no function run`);
    return { ok: true, value: await module.run(input) };
  } catch (error) {
    return { ok: false, error: toWire(error) };
  }
}

function hasRun(module: unknown): module is { run(input: unknown): unknown } {
  return typeof module === 'object' && module !== null && 'run' in module && typeof module.run === 'function';
}

parentPort?.on('message', (request: TaskRequest) => {
  void perform(request).then((reply) => parentPort?.postMessage(reply));
});
