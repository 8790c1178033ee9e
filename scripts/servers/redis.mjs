import { exchange, freePort, startDaemon } from './process.mjs';

export const key = 'REDIS_URL';
export const packages = [{ program: 'redis-server', name: 'redis-server' }];
export const urlOf = (port) => `redis://127.0.0.1:${port}`;

/** Durable before it answers, which the run event log needs: what was shown must not be lost. */
export async function start(folder) {
  const port = await freePort(26379);
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
  };
  return startDaemon(folder, {
    command: 'redis-server',
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    port,
    isReady,
  });
}

export async function isReady(port) {
  return (await exchange(port, 'PING\r\n'))?.startsWith('+PONG') ?? false;
}
