import { describe, expect, it } from 'vitest';
import { meterPlace } from './loudness.ts';

describe('meterPlace', () => {
  it('is nothing for silence and for room noise', () => {
    expect(meterPlace(0)).toBe(0);
    expect(meterPlace(0.001)).toBe(0);
  });

  it('grows with loudness and ends at one', () => {
    const places = [0.004, 0.02, 0.08, 0.15, 0.7].map(meterPlace);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
    expect(places[2]).toBeLessThan(1);
    expect(places.at(-1)).toBe(1);
  });
});
