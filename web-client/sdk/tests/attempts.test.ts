import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Attempts } from '../src/connection/attempts.ts';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Tries, always in vain, and notes when. */
function fail(attempts: Attempts): { times: number[]; over: Promise<void> } {
  const times: number[] = [];
  const begun = Date.now();
  const over = (async () => {
    while (await attempts.next()) times.push(Date.now() - begun);
  })();
  return { times, over };
}

test('the first is at once, the others come further and further apart, for half a minute', async () => {
  const { times, over } = fail(new Attempts(new AbortController().signal));
  await vi.advanceTimersByTimeAsync(60_000);
  await over;
  expect(times).toEqual([25, 325, 925, 2_125, 4_525, 9_325, 14_325, 19_325, 24_325, 29_325, 34_325]);
});

test('a reason to hope shortens the wait and gives more time', async () => {
  const attempts = new Attempts(new AbortController().signal);
  const { times, over } = fail(attempts);
  await vi.advanceTimersByTimeAsync(26_000);
  attempts.renew();
  await vi.advanceTimersByTimeAsync(1);
  expect(times.at(-1)).toBe(26_000);
  await vi.advanceTimersByTimeAsync(60_000);
  await over;
  expect(times.at(-1)).toBeGreaterThan(55_000);
});

test('they stop when they are told to', async () => {
  const stop = new AbortController();
  const { times, over } = fail(new Attempts(stop.signal));
  await vi.advanceTimersByTimeAsync(1_000);
  stop.abort();
  await over;
  expect(times).toHaveLength(3);
});
