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
    connected: () => told.push('connected'),
    failed: ({ code }) => told.push(`failed ${code}`),
  });
});

afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

test('a gap that closes by itself is not told', async () => {
  watch.stateChanged('connected');
  watch.stateChanged('disconnected');
  await pass(1_900);
  watch.stateChanged('connected');
  await pass(60_000);
  expect(told).toEqual(['connected', 'connected']);
});

test('a gap of two seconds is repaired by a new path', async () => {
  watch.stateChanged('connected');
  watch.stateChanged('disconnected');
  await pass(2_000);
  expect(told).toEqual(['connected', 'interrupted', 'restart']);
  watch.stateChanged('connecting');
  watch.stateChanged('connected');
  await pass(60_000);
  expect(told).toEqual(['connected', 'interrupted', 'restart', 'connected']);
});

test('a path that cannot be repaired is looked for again, at longer intervals', async () => {
  watch.stateChanged('connected');
  watch.stateChanged('failed');
  watch.stateChanged('disconnected');
  watch.stateChanged('failed');
  expect(told).toEqual(['connected', 'interrupted', 'restart']);
  await pass(4_000);
  expect(told).toHaveLength(4);
  await pass(8_000);
  expect(told).toHaveLength(5);
  await pass(16_000 * 3);
  expect(told).toEqual(['connected', 'interrupted', ...Array.from({ length: 6 }, () => 'restart')]);
});

test('another network is not waited for', async () => {
  watch.stateChanged('connected');
  watch.networkChanged(false);
  expect(told).toEqual(['connected']);
  watch.stateChanged('disconnected');
  expect(told).toEqual(['connected', 'interrupted', 'restart']);
  watch.networkChanged(false);
  expect(told).toEqual(['connected', 'interrupted', 'restart', 'restart']);
  await pass(0);
});

test('a path that went silent with signaling is not waited for, and its repair is seen by what comes', async () => {
  watch.stateChanged('connected');
  watch.networkChanged(true);
  expect(told).toEqual(['connected', 'interrupted', 'restart']);
  await pass(300);
  watch.heard();
  await pass(60_000);
  expect(told).toEqual(['connected', 'interrupted', 'restart', 'connected']);
});

test('a path that the browser takes for good is believed when nothing else is heard', async () => {
  watch.stateChanged('connected');
  watch.networkChanged(true);
  await pass(60_000);
  expect(told).toEqual(['connected', 'interrupted', 'restart', 'connected']);
});

test('where no path was ever found it is told once, and tried on', async () => {
  watch.stateChanged('connecting');
  await pass(12_000);
  watch.stateChanged('failed');
  await pass(20_000);
  expect(told.filter((one) => one !== 'restart')).toEqual(['failed unreachable']);
  expect(told.filter((one) => one === 'restart').length).toBeGreaterThan(1);
});

test('nothing is tried after the end', async () => {
  watch.stateChanged('connected');
  watch.stateChanged('disconnected');
  watch.stop();
  watch.stateChanged('failed');
  watch.networkChanged(false);
  await pass(60_000);
  expect(told).toEqual(['connected']);
});
