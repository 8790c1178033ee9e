import { describe, expect, it } from 'vitest';
import { Ed25519AccessTokenSigner } from '../../../src/adapters/jose/ed25519-access-token-signer.ts';
import { deriveSecrets } from '../../../src/adapters/system/derived-secrets.ts';
import { ConfigError, readConfig } from '../../../src/app/config.ts';
import { requireSharedSecrets } from '../../../src/app/secrets.ts';
import { ids } from '../../support/fixtures.ts';

const SECRET_KEY = 'a secret of more than thirty-two characters';
const DATABASE_URL = 'postgresql://app@127.0.0.1:5432/multidb';
const clock = { now: () => 0, sleep: async () => {} };
const signerOf = (secret: string) =>
  new Ed25519AccessTokenSigner({
    privateJwk: deriveSecrets(secret).accessTokenJwk,
    issuer: 'issuer',
    audience: 'audience',
    clock,
  });

describe('keys made from one secret', () => {
  const claims = {
    userId: ids.next('usr'),
    workspaceId: ids.next('wsp'),
    sessionId: ids.next('ses'),
    expiresAt: 1_000,
  };

  it('are the same on every node, and others for another secret', async () => {
    const token = await signerOf(SECRET_KEY).sign(claims);
    expect(await signerOf(SECRET_KEY).verify(token)).toEqual(claims);
    expect(await signerOf(`${SECRET_KEY}!`).verify(token)).toBeUndefined();
    expect(deriveSecrets(SECRET_KEY)).toEqual(deriveSecrets(SECRET_KEY));
  });

  it('are independent of each other, and stay what they are from version to version', () => {
    const { accessTokenJwk, uploadSigningKey } = deriveSecrets(SECRET_KEY);
    const upload = Buffer.from(uploadSigningKey).toString('base64url');
    expect(upload).not.toBe(accessTokenJwk.d);
    expect([accessTokenJwk.d, upload]).toMatchInlineSnapshot(`
      [
        "CGAMAYGRreqToYSml7kSOAgxT7_aYL7kwyxpqBrE6tQ",
        "vfDDfEmPjVqlyxgcn4BiBR_6lxJXheK2NKdH4SpgxaU",
      ]
    `);
  });
});

describe('nodes on a database of their own', () => {
  const check = (environment: Record<string, string>) => () => requireSharedSecrets(readConfig(environment));

  it('are refused without a secret that all of them share', () => {
    expect(check({ DATABASE_URL })).toThrow(ConfigError);
    expect(check({ DATABASE_URL })).toThrow(/SECRET_KEY: needed with DATABASE_URL/);
    expect(check({ DATABASE_URL, SECRET_KEY })).not.toThrow();
    expect(check({ DATABASE_URL, SECRETS_DIR: '/secrets' })).not.toThrow();
    expect(check({})).not.toThrow();
  });

  it('are refused with a secret that can be guessed, or with two', () => {
    expect(check({ SECRET_KEY: 'short' })).toThrow(/SECRET_KEY/);
    expect(check({ SECRET_KEY, SECRETS_DIR: '/secrets' })).toThrow(/SECRETS_DIR/);
  });
});
