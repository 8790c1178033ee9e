import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { inspectRedis } from '../../../src/adapters/redis/inspect-redis.ts';
import { noopLog } from '../../../src/adapters/system/log.ts';
import { openConnection, server } from './harness.ts';

const inspect = (url: string) => inspectRedis({ url, timeoutMs: 10_000, log: noopLog });
const problemsOf = async (url: string) =>
  (await inspect(url)).findings.filter(({ level }) => level === 'problem').map(({ message }) => message);

/** A user of the test's own with these rights; the URL that names them. */
async function userWith(...rights: readonly string[]): Promise<string> {
  const admin = await openConnection();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await admin.send(['ACL', 'SETUSER', name, 'on', '>secret', ...rights]);
  onTestFinished(async () => {
    await admin.send(['ACL', 'DELUSER', name]);
    await admin.close();
  });
  const url = new URL(server.url ?? '');
  [url.username, url.password] = [name, 'secret'];
  return url.href;
}

describe.skipIf(server.url === undefined)(server.nameOf('looking at Redis'), () => {
  it('finds fit a user with the rights that it advises to give', async () => {
    const advised = ['~multidb:*', '&*', '+@all', '-@dangerous', '+info', '+config|get'];
    expect(await problemsOf(await userWith(...advised))).toEqual([]);
  });

  it('names the command that a user who may only read lacks', async () => {
    const url = await userWith('~*', '&*', '+@read', '+@connection', '+info', '+time', '+config|get');
    expect(await problemsOf(url)).toEqual([
      expect.stringMatching(/^the user may not use SET on .*ACL SETUSER/),
    ]);
  });

  it('names the keys that a user may not touch', async () => {
    const url = await userWith('~other:*', '&*', '+@all');
    expect(await problemsOf(url)).toEqual([
      expect.stringMatching(/^the user may not use SET on multidb:doctor/),
    ]);
  });

  it('refuses a wrong password', async () => {
    const url = new URL(await userWith('+@all'));
    url.password = 'wrong';
    await expect(inspect(url.href)).rejects.toMatchObject({
      ...{ code: 'STORE_UNAVAILABLE', retryable: false },
      message: 'Redis refuses the user, the password or a command that it needs.',
    });
  });

  it('tells a clock that differs from ours, and leaves no key behind', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 60_000 });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    expect(await problemsOf(server.url ?? '')).toEqual([
      expect.stringMatching(/^the clock of Redis is \d+ ms ahead of this machine's/),
    ]);
    vi.useRealTimers();
    expect(await problemsOf(server.url ?? '')).toEqual([]);
    const admin = await openConnection();
    onTestFinished(() => admin.close());
    expect(await admin.send(['EXISTS', 'multidb:doctor:{probe}', 'multidb:doctor:{probe}:stream'])).toBe(0);
  });
});
