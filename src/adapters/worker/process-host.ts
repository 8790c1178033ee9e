/** Entry of a worker process: one worker thread, one task at a time, memory watched from beside it. */
import { TaskFailure } from '../../domain/ports/tasks.ts';
import { type HostReply, type HostRequest, toWire } from './messages.ts';
import { EXIT_OUT_OF_MEMORY } from './process-host-exit.ts';
import { TaskThread } from './task-thread.ts';

const WATCH_INTERVAL_MS = 50;
const MEBIBYTE = 1024 * 1024;
const [heapMegabytes = 512, residentMegabytes = 1024] = process.argv.slice(2).map(Number);
const never = new AbortController().signal;

let thread: TaskThread | undefined;
const seat = (): TaskThread => {
  thread = thread?.alive ? thread : new TaskThread(heapMegabytes, () => undefined);
  return thread;
};

async function perform({ timeoutMs, ...request }: HostRequest): Promise<HostReply> {
  try {
    const value = await seat().perform(request, { timeoutMs, signal: never });
    return { kind: 'value', value, last: isLarge() };
  } catch (error) {
    if (!(error instanceof TaskFailure)) return { kind: 'error', error: toWire(error), last: isLarge() };
    const { reason, message } = error;
    return { kind: 'failure', reason, message, last: true };
  }
}

/** What a task leaves behind must not count against the next one. */
function isLarge(): boolean {
  return process.memoryUsage.rss() > (residentMegabytes * MEBIBYTE) / 2;
}

setInterval(() => {
  if (process.memoryUsage.rss() > residentMegabytes * MEBIBYTE) process.exit(EXIT_OUT_OF_MEMORY);
}, WATCH_INTERVAL_MS).unref();
// Ctrl-C reaches the whole group; the parent decides when the work ends. Without a parent it ends at once.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (request: HostRequest) => {
  void perform(request).then((reply) => process.send?.(reply));
});
