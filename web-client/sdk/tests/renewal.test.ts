import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Renewal } from '../src/connection/renewal.ts';

let times: number[];
let renewal: Renewal;

beforeEach(() => {
  vi.useFakeTimers();
  times = [];
  renewal = new Renewal(() => times.push(performance.now()));
});

afterEach(() => vi.useRealTimers());

test('a first failure is mended at once, those right after it at longer intervals', () => {
  const begun = performance.now();
  for (let failure = 0; failure < 4; failure += 1) {
    renewal.failed();
    while (times.length <= failure) vi.advanceTimersByTime(100);
  }
  expect(times.map((at) => at - begun)).toEqual([0, 1_000, 3_000, 7_000]);
});

test('one that lasted is a first one again', () => {
  renewal.failed();
  renewal.failed();
  vi.advanceTimersByTime(40_000);
  renewal.failed();
  expect(times).toHaveLength(3);
});

test('after the end none is made', () => {
  renewal.failed();
  renewal.failed();
  renewal.stop();
  vi.advanceTimersByTime(60_000);
  expect(times).toHaveLength(1);
});
