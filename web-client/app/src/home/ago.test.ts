import { describe, expect, it } from 'vitest';
import { ago } from './ago.ts';

const now = 1_800_000_000_000;

describe('ago', () => {
  it.each([
    [0, 'now'],
    [59_000, 'now'],
    [5 * 60_000, '5 minutes ago'],
    [3 * 3_600_000, '3 hours ago'],
    [26 * 3_600_000, 'yesterday'],
    [15 * 86_400_000, '2 weeks ago'],
    [400 * 86_400_000, 'last year'],
  ])('%i ms is %j', (passed, words) => {
    expect(ago(now - passed, now, 'en')).toBe(words);
  });

  it('does not speak of the future when a clock was wrong', () => {
    expect(ago(now + 3_600_000, now, 'en')).toBe('now');
  });
});
