import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MediaWatch } from '../src/connection/media-watch.ts';

let told: string[];
let watch: MediaWatch;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  watch = new MediaWatch({
    restart: () => {
      told.push('restart');
      return Promise.resolve();
    },
    interrupted: () => told.push('interrupted'),
    recovered: () => told.push('recovered'),
    failed: ({ code }) => told.push(`failed ${code}`),
    lost: ({ code }) => told.push(`lost ${code}`),
  });
});

afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

test('a gap that closes by itself is not told', () => {
  watch.stateChanged('connected');
  watch.stateChanged('disconnected');
  vi.advanceTimersByTime(2_900);
  watch.stateChanged('connected');
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual([]);
});

test('a gap of three seconds is repaired by a new path', () => {
  watch.stateChanged('connected');
  watch.stateChanged('disconnected');
  vi.advanceTimersByTime(3_000);
  expect(told).toEqual(['interrupted', 'restart']);
  watch.stateChanged('connecting');
  watch.stateChanged('connected');
  expect(told).toEqual(['interrupted', 'restart', 'recovered']);
  vi.advanceTimersByTime(60_000);
  expect(told).toHaveLength(3);
});

test('a path that cannot be repaired is lost, once', () => {
  watch.stateChanged('connected');
  watch.stateChanged('failed');
  watch.stateChanged('disconnected');
  watch.stateChanged('failed');
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual(['interrupted', 'restart', 'lost connection_lost']);
});

test('where no path was ever found the room goes on, and so do the attempts', () => {
  watch.stateChanged('connecting');
  watch.stateChanged('failed');
  vi.advanceTimersByTime(20_000);
  expect(told).toEqual(['restart', 'failed unreachable', 'restart', 'failed unreachable', 'restart']);
});

test('nothing is tried after the end', () => {
  watch.stateChanged('connected');
  watch.stateChanged('disconnected');
  watch.stop();
  watch.stateChanged('failed');
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual([]);
});
