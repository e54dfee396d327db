import { describe, expect, it } from 'vitest';
import { meterLevel } from './level-meter.ts';

const tone = (amplitude: number) => Float32Array.from({ length: 1024 }, (_, index) => amplitude * Math.sin(index / 7));

describe('meterLevel', () => {
  it('is nothing for silence and for room noise', () => {
    expect(meterLevel(tone(0))).toBe(0);
    expect(meterLevel(tone(0.001))).toBe(0);
  });

  it('grows with loudness and ends at one', () => {
    const levels = [0.005, 0.02, 0.1, 0.3, 1].map((amplitude) => meterLevel(tone(amplitude)));
    expect(levels).toEqual([...levels].sort((a, b) => a - b));
    expect(levels[0]).toBeGreaterThan(0);
    expect(levels.at(-1)).toBe(1);
  });
});
