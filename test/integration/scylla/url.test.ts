import { types } from 'cassandra-driver';
import { describe, expect, it } from 'vitest';
import { mayMissWrites, parseScyllaUrl } from '../../../src/adapters/scylla/scylla-url.ts';

describe('SCYLLA_URL', () => {
  it('names hosts, user, keyspace and how to ask', () => {
    const url =
      'scylla://us%40er:p%2Fw@node1,10.0.0.2:9142,[::1]:19042/chat?dc=eu&consistency=QUORUM&replication=3&tls=true';
    expect(parseScyllaUrl(url)).toEqual({
      contactPoints: ['node1:19042', '10.0.0.2:9142', '[::1]:19042'],
      port: 19042,
      credentials: { username: 'us@er', password: 'p/w' },
      keyspace: 'chat',
      dataCentre: 'eu',
      consistency: types.consistencies.quorum,
      replication: 3,
      tls: true,
    });
  });

  it('has defaults', () => {
    expect(parseScyllaUrl('scylla://node/chat')).toEqual({
      contactPoints: ['node:9042'],
      port: 9042,
      credentials: undefined,
      keyspace: 'chat',
      dataCentre: 'datacenter1',
      consistency: types.consistencies.localQuorum,
      replication: undefined,
      tls: false,
    });
  });

  it.each([
    ['postgres://node/chat', 'must look like scylla://'],
    ['scylla://node', 'must look like scylla://'],
    ['scylla://node/Chat', 'the keyspace "Chat" must be lower-case letters, digits and _'],
    ['scylla://node/chat;drop', 'the keyspace "chat;drop" must be'],
    ['scylla://no de/chat', '"no de" is not a host'],
    ['scylla://node,/chat', '"" is not a host'],
    ['scylla://user@node/chat', 'a user needs a password: user:password@'],
    ['scylla://user:%zz@node/chat', 'write a % in user or password as %25'],
    ['scylla://node/chat?consistency=TWO', 'unknown consistency "TWO"; known are LOCAL_QUORUM'],
    ['scylla://node/chat?replication=0', 'replication must be a number from 1 to 9'],
    ['scylla://node/chat?tls=yes', 'tls must be true or false'],
    ['scylla://node/chat?datacenter=x', 'unknown parameter "datacenter"; known are dc'],
  ])('refuses %s with a sentence', (url, sentence) => {
    const message = expect.stringContaining(`SCYLLA_URL: ${sentence}`);
    expect(() => parseScyllaUrl(url)).toThrowError(
      expect.objectContaining({ code: 'BAD_USER_INPUT', message }),
    );
  });

  it('does not repeat a password in what it refuses', () => {
    expect(() => parseScyllaUrl('scylla://user:geheim%zz@node/chat')).not.toThrow(/geheim/);
    expect(() => parseScyllaUrl('scylla://user:geheim@node')).not.toThrow(/geheim/);
  });

  it('knows which consistencies do not see every confirmed write', () => {
    const { one, localOne, localQuorum, quorum, all } = types.consistencies;
    expect([one, localOne].every(mayMissWrites)).toBe(true);
    expect([localQuorum, quorum, all].some(mayMissWrites)).toBe(false);
  });
});
