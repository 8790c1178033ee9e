import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../../src/adapters/http/public-address.ts';
import { HttpUrlFetcher, type HttpUrlFetcherOptions } from '../../../src/adapters/http/url-fetcher.ts';

const never = new AbortController().signal;
const BYTES_MAX = 1000;
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener, address = '127.0.0.1', port = 0): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  return (server.address() as AddressInfo).port;
}
/** Loopback stands for the public internet, but for its second address. */
const OUTER = '127.0.0.1';
const INNER = '127.0.0.2';
const fetcher = (options: HttpUrlFetcherOptions = {}) =>
  new HttpUrlFetcher({ isAllowedAddress: (address) => address === OUTER, ...options });
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fetched',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );

describe('public addresses', () => {
  it.each(['93.184.216.34', '8.8.8.8', '172.32.0.1', '2606:4700::1111'])('%s is one', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  it.each(
    '127.0.0.1 127.9.9.9 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.100.100.200 198.18.0.1 224.0.0.1 255.255.255.255 ::1 :: fe80::1 fd00:ec2::254 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 2002:7f00:1:: 2001:0:1::'.split(
      ' ',
    ),
  )('%s is none', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('the URL fetcher', () => {
  it('reads bytes, media type and file name', async () => {
    const port = await serve((request, response) => {
      expect(request.headers.cookie).toBeUndefined();
      response.writeHead(200, { 'content-type': 'text/markdown; charset=utf-8' }).end('# Hello');
    });
    const fetched = await fetcher().fetch(`http://${OUTER}:${port}/docs/read%20me.md?x=1`, BYTES_MAX, never);
    expect(Buffer.from(fetched.bytes).toString()).toBe('# Hello');
    expect(fetched).toMatchObject({ mediaType: 'text/markdown; charset=utf-8', fileName: 'read me.md' });
  });

  it.each([
    'ftp://example.com/x',
    'file:///etc/passwd',
    'http://user:password@127.0.0.1/',
    'not a url',
    'http://127.0.0.2/',
    'http://2130706434/',
    'http://0x7f.0.0.2/',
    'http://0177.0.0.02/',
    'http://127.2/',
    'http://0/',
    'http://0.0.0.0/',
    'http://[::]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[fd00:ec2::254]/',
    'http://①②⑦.0.0.2/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.2]/',
    'http://169.254.169.254/latest/meta-data/',
  ])('refuses %s', async (url) => {
    expect(await codeOf(fetcher().fetch(url, BYTES_MAX, never))).toBe('BAD_USER_INPUT');
  });

  it('refuses a name of which one address is not public', async () => {
    const port = await serve((_, response) => response.end('x'));
    const resolve = async () => [
      { address: OUTER, family: 4 },
      { address: INNER, family: 4 },
    ];
    expect(await codeOf(fetcher({ resolve }).fetch(`http://name.test:${port}/`, BYTES_MAX, never))).toBe(
      'BAD_USER_INPUT',
    );
  });

  it('connects to the address that it checked, though the name changes its mind', async () => {
    const port = await serve((_, response) => response.end('outer'));
    await serve((_, response) => response.end('inner'), INNER, port);
    let lookups = 0;
    const resolve = async () => {
      lookups += 1;
      return [{ address: lookups === 1 ? OUTER : INNER, family: 4 }];
    };
    const rebound = fetcher({ resolve });
    const fetched = await rebound.fetch(`http://name.test:${port}/`, BYTES_MAX, never);
    expect(Buffer.from(fetched.bytes).toString()).toBe('outer');
    expect(lookups).toBe(1);
    expect(await codeOf(rebound.fetch(`http://name.test:${port}/`, BYTES_MAX, never))).toBe('BAD_USER_INPUT');
  });

  it.each([`http://${INNER}:9/`, 'http://localhost:9/', 'file:///etc/passwd', 'http://a:b@127.0.0.1/'])(
    'checks a redirect to %s like the first URL',
    async (location) => {
      const port = await serve((_, response) => response.writeHead(302, { location }).end());
      const resolve = async () => [{ address: INNER, family: 4 }];
      expect(await codeOf(fetcher({ resolve }).fetch(`http://${OUTER}:${port}/`, BYTES_MAX, never))).toBe(
        'BAD_USER_INPUT',
      );
    },
  );

  it.each(['http://2130706434:PORT/', 'http://[::ffff:127.0.0.2]:PORT/', 'http://name.test:PORT/'])(
    'never reaches an inner server by a redirect to %s',
    async (template) => {
      let reached = 0;
      let location = '';
      const port = await serve((_, response) => response.writeHead(302, { location }).end());
      await serve(
        (_, response) => {
          reached += 1;
          response.end('inner');
        },
        INNER,
        port,
      );
      location = template.replace('PORT', String(port));
      const resolve = async () => [{ address: INNER, family: 4 }];
      expect(await codeOf(fetcher({ resolve }).fetch(`http://${OUTER}:${port}/`, BYTES_MAX, never))).toBe(
        'BAD_USER_INPUT',
      );
      expect(reached).toBe(0);
    },
  );

  it('follows a few redirects and not more', async () => {
    let left = 5;
    const port = await serve((_, response) => {
      if (left === 0) response.end('there');
      else response.writeHead(307, { location: `/step/${left}` }).end();
      left -= 1;
    });
    const url = `http://${OUTER}:${port}/`;
    expect(Buffer.from((await fetcher().fetch(url, BYTES_MAX, never)).bytes).toString()).toBe('there');
    left = 6;
    expect(await codeOf(fetcher().fetch(url, BYTES_MAX, never))).toBe('BAD_USER_INPUT');
  });

  it.each([
    ['plain', {}, Buffer.alloc(BYTES_MAX + 1)],
    ['compressed', { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(1_000_000))],
  ])('reads no more than it may (%s)', async (_, headers, body) => {
    const port = await serve((_request, response) => response.writeHead(200, headers).end(body));
    expect(await codeOf(fetcher().fetch(`http://${OUTER}:${port}/`, BYTES_MAX, never))).toBe(
      'LIMIT_EXCEEDED',
    );
  });

  it.each([
    [404, 'BAD_USER_INPUT'],
    [503, 'STORE_UNAVAILABLE'],
  ])('tells a status that stays (%d) from one that may pass', async (status, code) => {
    const port = await serve((_, response) => response.writeHead(status).end());
    expect(await codeOf(fetcher().fetch(`http://${OUTER}:${port}/`, BYTES_MAX, never))).toBe(code);
  });

  it('unpacks what was compressed unasked, and notices what breaks off', async () => {
    const packed = gzipSync('hello');
    const port = await serve((request, response) => {
      const body = request.url === '/whole' ? packed : packed.subarray(0, 10);
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(body);
    });
    const whole = await fetcher().fetch(`http://${OUTER}:${port}/whole`, BYTES_MAX, never);
    expect(Buffer.from(whole.bytes).toString()).toBe('hello');
    expect(await codeOf(fetcher().fetch(`http://${OUTER}:${port}/cut`, BYTES_MAX, never))).toBe(
      'STORE_UNAVAILABLE',
    );
  });

  it('ends at its deadline and at an abort, also in the middle of a body', async () => {
    const started = Promise.withResolvers<void>();
    const port = await serve((_, response) => {
      response.writeHead(200).write('a');
      started.resolve();
    });
    const url = `http://${OUTER}:${port}/`;
    expect(await codeOf(fetcher({ timeoutMs: 100 }).fetch(url, BYTES_MAX, never))).toBe('DEADLINE_EXCEEDED');
    const abort = new AbortController();
    const outcome = fetcher().fetch(url, BYTES_MAX, abort.signal);
    await started.promise;
    abort.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
  });
});
