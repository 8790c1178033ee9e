import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inspectRedis } from '../../../src/adapters/redis/inspect-redis.ts';
import { openRedis } from '../../../src/adapters/redis/open-redis.ts';
import { noopLog } from '../../../src/adapters/system/log.ts';
import { freePort } from '../../support/free-port.ts';
import { clock, openConnection, server } from './harness.ts';

const open = (url: string) => openRedis({ url, clock, log: noopLog, commandTimeoutMs: 300 });

describe('opening Redis', () => {
  it.each(['', 'nonsense', 'http://127.0.0.1', 'redis://'])('refuses %j as a URL', async (url) => {
    await expect(open(url)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/^REDIS_URL: /),
    });
  });

  it('says where nobody answers, and no password', async () => {
    const port = await freePort();
    const failure = await open(`redis://user:secret@127.0.0.1:${port}`).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
    expect(String(failure)).toContain(`REDIS_URL: 127.0.0.1:${port} cannot be used`);
    expect(String(failure)).not.toContain('secret');
  });

  it('does not wait for a server that accepts and says nothing', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => {
      silent.close();
    });
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await expect(open(`redis://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});

describe.skipIf(server.url === undefined)(server.nameOf('a Redis that is there'), () => {
  const inspect = () => inspectRedis({ url: server.url ?? '', timeoutMs: 2_000, log: noopLog });

  it('refuses a wrong password for good', async () => {
    const url = new URL(server.url ?? '');
    url.username = 'nobody';
    url.password = 'wrong';
    await expect(open(url.href)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: false });
  });

  it('is told apart by version and settings', async () => {
    const { summary, findings } = await inspect();
    expect(summary).toMatch(/^Redis \d+\.\d+/);
    expect(findings.filter(({ level }) => level === 'problem')).toEqual([]);
  });

  it('warns when what was shown may be lost', async () => {
    const admin = await openConnection();
    onTestFinished(async () => {
      await admin.send(['CONFIG', 'SET', 'appendfsync', 'always']);
      await admin.close();
    });
    const warnings = async () => (await inspect()).findings.map(({ message }) => message).join();
    await admin.send(['CONFIG', 'SET', 'appendfsync', 'everysec']);
    expect(await warnings()).toContain('appendfsync is everysec');
    await admin.send(['CONFIG', 'SET', 'appendfsync', 'always']);
    expect(await warnings()).not.toContain('appendfsync');
  });
});
