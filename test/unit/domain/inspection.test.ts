import { describe, expect, it } from 'vitest';
import { clockFindings, clockSkewMs } from '../../../src/domain/inspection.ts';

describe('a server’s clock', () => {
  it('does not differ when a slow answer explains it', () => {
    expect(clockSkewMs({ server: 5_000, before: 1_000, after: 9_000 })).toBe(0);
    expect(clockSkewMs({ server: 9_500, before: 1_000, after: 9_000 })).toBe(500);
    expect(clockSkewMs({ server: 400, before: 1_000, after: 9_000 })).toBe(-600);
  });

  it.each([
    [1_000, []],
    [-1_001, ['warning']],
    [5_000, ['warning']],
    [5_001, ['problem']],
    [-60_000, ['problem']],
  ])('off by %i ms is %j', (skewMs, levels) => {
    const findings = clockFindings({
      store: 'Redis',
      server: 100_000 + skewMs,
      before: 100_000,
      after: 100_000,
    });
    expect(findings.map(({ level }) => level)).toEqual(levels);
    for (const { message } of findings) expect(message).toContain(skewMs < 0 ? 'behind' : 'ahead of');
  });
});
