import fc from 'fast-check';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { parseTimestamp, TIMESTAMPTZ } from '../../../src/adapters/postgres/timestamps.ts';

const theDrivers = pg.types.getTypeParser(TIMESTAMPTZ);

describe('a timestamp of PostgreSQL', () => {
  it('is the time that the driver reads, to the millisecond', () => {
    const times = fc.date({
      min: new Date('1000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 6 }), (time, precision) => {
        const [day, clock] = time.toISOString().replace('Z', '000').split('T');
        const text = `${day} ${clock?.slice(0, precision === 0 ? 8 : 9 + precision)}+00`;
        expect(parseTimestamp(text)).toEqual(theDrivers(text));
      }),
    );
  });

  it.each([
    '2026-01-02 03:04:05.678+05:30',
    '2026-01-02 03:04:05-03',
    '0044-03-15 12:00:00+00 BC',
    '12026-01-02 03:04:05+00',
    'infinity',
    '-infinity',
  ])('is left to the driver where it is written otherwise: %s', (text) => {
    expect(parseTimestamp(text)).toEqual(theDrivers(text));
  });
});
