import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import {
  Ed25519AccessTokenSigner,
  type Ed25519PrivateJwk,
} from '../../../src/adapters/jose/ed25519-access-token-signer.ts';
import { makeId } from '../../../src/domain/ids.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const RANDOM = new Uint8Array(10).fill(7);
const CLAIMS = {
  userId: makeId('usr', NOW, RANDOM),
  workspaceId: makeId('wsp', NOW, RANDOM),
  sessionId: makeId('ses', NOW, RANDOM),
  expiresAt: NOW + 900_000,
};

function newJwk(kid = 'key-1'): Ed25519PrivateJwk {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return { kty: 'OKP', crv: 'Ed25519', kid, x: String(jwk.x), d: String(jwk.d) };
}

function setUp(privateJwk = newJwk()) {
  const time = { now: NOW };
  const clock = { now: () => time.now, sleep: async () => {} };
  const options = { privateJwk, issuer: 'https://multidb.test', audience: 'multidb', clock };
  return { time, options, signer: new Ed25519AccessTokenSigner(options) };
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = { alg: 'EdDSA', typ: 'at+jwt', kid: 'key-1' };
const PAYLOAD = {
  sub: CLAIMS.userId,
  wid: CLAIMS.workspaceId,
  sid: CLAIMS.sessionId,
  iss: 'https://multidb.test',
  aud: 'multidb',
  exp: CLAIMS.expiresAt / 1_000,
};

test('reads back what it signed, again and again until it expires', async () => {
  const { signer, time } = setUp();
  const token = await signer.sign(CLAIMS);
  expect(await signer.verify(token)).toEqual(CLAIMS);
  expect(await signer.verify(token)).toEqual(CLAIMS);
  time.now = CLAIMS.expiresAt - 1;
  expect(await signer.verify(token)).toEqual(CLAIMS);
  time.now = CLAIMS.expiresAt;
  expect(await signer.verify(token)).toBeUndefined();
  expect(await signer.verify(token)).toBeUndefined();
});

test('refuses a key that is not an Ed25519 private key', () => {
  const { d: _d, ...publicOnly } = newJwk();
  const { options } = setUp();
  expect(() => new Ed25519AccessTokenSigner({ ...options, privateJwk: publicOnly as never })).toThrow();
});

describe('refuses', () => {
  const privateJwk = newJwk();
  const { signer } = setUp(privateJwk);
  const forge = (header: object, payload: object = PAYLOAD, jwk = privateJwk) =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg: 'EdDSA', ...header }).sign({ ...jwk });

  test('(control: the forger makes a valid token when nothing is altered)', async () => {
    expect(await signer.verify(await forge(HEADER))).toEqual(CLAIMS);
  });

  test('alg none, with and without the old signature', async () => {
    const signature = (await signer.sign(CLAIMS)).split('.')[2];
    const unsigned = `${encode({ ...HEADER, alg: 'none' })}.${encode(PAYLOAD)}.`;
    expect(await signer.verify(unsigned)).toBeUndefined();
    expect(await signer.verify(unsigned + signature)).toBeUndefined();
  });

  test('HS256 keyed with the public key in any of its spellings', async () => {
    const publicKey = createPublicKey(createPrivateKey({ key: { ...privateJwk }, format: 'jwk' }));
    const spellings = [
      publicKey.export({ format: 'pem', type: 'spki' }),
      publicKey.export({ format: 'der', type: 'spki' }),
      Buffer.from(privateJwk.x, 'base64url'),
      privateJwk.x,
    ];
    for (const secret of spellings) {
      const input = `${encode({ ...HEADER, alg: 'HS256' })}.${encode(PAYLOAD)}`;
      const mac = createHmac('sha256', secret).update(input).digest('base64url');
      expect(await signer.verify(`${input}.${mac}`)).toBeUndefined();
    }
  });

  test("another key, whether it carries its own kid or borrows ours, and our key under another's kid", async () => {
    const other = newJwk('key-2');
    expect(await signer.verify(await forge({ ...HEADER, kid: 'key-2' }, PAYLOAD, other))).toBeUndefined();
    expect(await signer.verify(await forge(HEADER, PAYLOAD, other))).toBeUndefined();
    expect(await signer.verify(await forge({ ...HEADER, kid: 'key-2' }))).toBeUndefined();
    expect(await signer.verify(await forge({ typ: 'at+jwt' }))).toBeUndefined();
  });

  test('an altered payload, header or signature', async () => {
    const [header = '', payload = '', signature = ''] = (await signer.sign(CLAIMS)).split('.');
    const mightier = encode({ ...PAYLOAD, sub: makeId('usr', NOW + 1, RANDOM) });
    expect(await signer.verify(`${header}.${mightier}.${signature}`)).toBeUndefined();
    expect(await signer.verify(`${encode({ ...HEADER, x: 1 })}.${payload}.${signature}`)).toBeUndefined();
    expect(await signer.verify(`${header}.${payload}.${signature.slice(0, -4)}AAAA`)).toBeUndefined();
  });

  const altered: [string, object, object][] = [
    ['a wrong audience', HEADER, { ...PAYLOAD, aud: 'another-api' }],
    ['a wrong issuer', HEADER, { ...PAYLOAD, iss: 'https://evil.test' }],
    ['a missing issuer', HEADER, { ...PAYLOAD, iss: undefined }],
    ['a wrong type', { ...HEADER, typ: 'JWT' }, PAYLOAD],
    ['a missing type', { ...HEADER, typ: undefined }, PAYLOAD],
    ['an expired token', HEADER, { ...PAYLOAD, exp: NOW / 1_000 }],
    ['a token that never expires', HEADER, { ...PAYLOAD, exp: undefined }],
    ['a token that is not valid yet', HEADER, { ...PAYLOAD, nbf: NOW / 1_000 + 60 }],
    ['a subject of another kind', HEADER, { ...PAYLOAD, sub: CLAIMS.workspaceId }],
    ['a token without session', HEADER, { ...PAYLOAD, sid: undefined }],
  ];
  test.each(altered)('%s', async (_what, header, payload) => {
    expect(await signer.verify(await forge(header, payload))).toBeUndefined();
  });

  test('what is no JWT at all: an API key, nothing, an endless string', async () => {
    for (const token of [`mdk_${'a'.repeat(43)}`, '', '..', `a.${'b'.repeat(1_000_000)}.c`]) {
      expect(await signer.verify(token)).toBeUndefined();
    }
  });
});

test('stays right when more tokens are in use than it remembers', async () => {
  const { options } = setUp();
  const signer = new Ed25519AccessTokenSigner({ ...options, verifiedTokenCountMax: 2 });
  const expiries = [1, 2, 3, 4].map((minute) => NOW + minute * 60_000);
  const tokens = await Promise.all(expiries.map((expiresAt) => signer.sign({ ...CLAIMS, expiresAt })));
  for (const order of [tokens, tokens.toReversed()]) {
    for (const token of order) {
      expect((await signer.verify(token))?.expiresAt).toBe(expiries[tokens.indexOf(token)]);
    }
  }
});
