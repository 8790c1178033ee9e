import { spawn } from 'node:child_process';
import { openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MAX_MS = 120_000;
const STOP_MAX_MS = 20_000;
const PROBE_MS = 50;
const LOG_TAIL_LENGTH = 2_000;

/** Progress; standard output is for the KEY=url lines alone. */
export function say(text) {
  process.stderr.write(`servers: ${text}\n`);
}

/** When a process began, in clock ticks since boot: with its id it names one process for ever. undefined: no such process. */
function startTimeOf(pid) {
  try {
    // The second field is the name in brackets, which may hold spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function isAlive(pid) {
  return startTimeOf(pid) !== undefined;
}

/** The running server of this folder as `{ pid, port }`; undefined if it does not run. */
export function findDaemon(folder) {
  try {
    const { pid, port, startTime } = JSON.parse(readFileSync(`${folder}/state.json`, 'utf8'));
    return startTimeOf(pid) === startTime ? { pid, port } : undefined;
  } catch {
    return undefined;
  }
}

/** Starts a server that outlives us, its output in `server.log`, and waits until it is ready. */
export async function startDaemon(folder, { command, args, cwd = folder, port, isReady }) {
  const log = openSync(`${folder}/server.log`, 'w');
  const child = spawn(command, args, { cwd, detached: true, stdio: ['ignore', log, log] });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.unref();
  const daemon = { pid: child.pid, port };
  writeFileSync(`${folder}/state.json`, JSON.stringify({ ...daemon, startTime: startTimeOf(child.pid) }));
  await untilReady(folder, { ...daemon, isReady });
  return daemon;
}

/** Throws with the end of the log if the server ends or takes too long; then it is ended. */
export async function untilReady(folder, { pid, port, isReady }) {
  const deadline = Date.now() + START_MAX_MS;
  while (!(await isReady(port))) {
    const ended = findDaemon(folder)?.pid !== pid;
    if (!ended && Date.now() < deadline) {
      await sleep(PROBE_MS);
      continue;
    }
    await stopDaemon(folder, 'SIGKILL');
    const tail = readFileSync(`${folder}/server.log`, 'utf8').slice(-LOG_TAIL_LENGTH);
    throw new Error(`${folder}: ${ended ? 'it ended' : 'it is not ready in time'}\n${tail}`);
  }
}

/** False if it did not run. */
export async function stopDaemon(folder, signal = 'SIGTERM') {
  const running = findDaemon(folder);
  if (running === undefined) return false;
  process.kill(running.pid, signal);
  const deadline = Date.now() + STOP_MAX_MS;
  while (findDaemon(folder) !== undefined) {
    if (Date.now() > deadline) process.kill(running.pid, 'SIGKILL');
    await sleep(PROBE_MS);
  }
  rmSync(`${folder}/state.json`, { force: true });
  return true;
}

/** Resolves with the answer's beginning as text, or undefined: nobody there, or no answer. */
export function exchange(port, bytes, timeoutMs = 1_000) {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => end(undefined));
    socket.once('error', () => end(undefined));
    socket.once('close', () => end(undefined));
    socket.once('data', (data) => end(data.toString('latin1')));
    socket.write(bytes);
  });
}

/** The wanted port, or any other one if that is taken. */
export async function freePort(wanted) {
  for (const port of [wanted, 0]) {
    const server = createServer();
    const bound = await new Promise((resolve) => {
      server.once('error', () => resolve(undefined));
      server.listen(port, '127.0.0.1', () => resolve(server.address().port));
    });
    if (bound === undefined) continue;
    await new Promise((resolve) => server.close(resolve));
    return bound;
  }
  throw new Error('no free port');
}
