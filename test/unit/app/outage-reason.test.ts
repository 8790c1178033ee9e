import { describe, expect, it } from 'vitest';
import { outageOf } from '../../../src/app/outage-reason.ts';
import { DomainError } from '../../../src/domain/errors.ts';

const withCause = (cause: unknown) => new DomainError('STORE_UNAVAILABLE', 'It is away.', { cause });
const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const REACHED = 'host:1 cannot be reached (ECONNREFUSED); is it running, and are host and port right?';

describe('the sentence about a store that cannot be used', () => {
  it.each([
    ['the cause', refused],
    ['a cause of the cause', new Error('outer', { cause: refused })],
    ['both addresses of a host', new AggregateError([refused, refused])],
    ['each node of Cassandra', Object.assign(new Error('all hosts'), { innerErrors: { 'host:1': refused } })],
    [
      'each server of MongoDB',
      Object.assign(new Error('selection'), {
        reason: { servers: new Map([['host:1', { error: refused }]]) },
      }),
    ],
  ])('finds the system’s code in %s', (_where, cause) => {
    expect(outageOf('redis://host:1', withCause(cause))).toBe(REACHED);
  });

  it.each([
    'postgresql://user:se:cret@host:1/db',
    'mongodb://user:se/cret@host:1/db?x=y',
    'redis://:s@cret@host:1',
  ])('repeats nothing of %s but host and port', (url) => {
    expect(outageOf(url, withCause(refused))).toBe(REACHED);
  });

  it('tells silence, and what a store says of itself', () => {
    const late = new DomainError('DEADLINE_EXCEEDED', 'Late.');
    expect(outageOf('redis://host:1', late)).toMatch(/^host:1 does not answer in time;/);
    const full = new DomainError('STORE_UNAVAILABLE', 'Redis cannot write to its disk.');
    expect(outageOf('redis://host:1', full)).toBe(
      'host:1 cannot be used now: Redis cannot write to its disk.',
    );
  });

  it('ends at a cause that causes itself', () => {
    const own: Error & { cause?: unknown } = new Error('own');
    own.cause = own;
    expect(outageOf('redis://host:1', withCause(own))).toBe('host:1 cannot be used now: It is away.');
  });
});
