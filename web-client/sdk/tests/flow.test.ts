import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Flow } from '../src/connection/flow.ts';

let bytes: number;
let told: string[];
let flow: Flow;

beforeEach(() => {
  vi.useFakeTimers();
  bytes = 0;
  told = [];
  const getStats = () => Promise.resolve(new Map([['pair', { type: 'candidate-pair', bytesReceived: bytes }]]));
  flow = new Flow({ getStats } as unknown as RTCPeerConnection, {
    silent: () => told.push('silent'),
    heard: () => told.push('heard'),
  });
});

afterEach(() => {
  flow.stop();
  vi.useRealTimers();
});

async function pass(looks: number, bytesEach: number): Promise<void> {
  for (let look = 0; look < looks; look += 1) {
    bytes += bytesEach;
    await vi.advanceTimersByTimeAsync(500);
  }
}

test('what flowed and stops is told within moments, once, and so is its return', async () => {
  await pass(6, 1_000);
  await pass(1, 0);
  expect(told).toEqual([]);
  await pass(1, 0);
  expect([told, flow.isSilent]).toEqual([['silent'], true]);
  await pass(20, 0);
  expect(told).toEqual(['silent']);
  await pass(1, 10);
  expect([told, flow.isSilent]).toEqual([['silent', 'heard'], false]);
});

test('what has just returned may stop again at once', async () => {
  await pass(6, 1_000);
  await pass(2, 0);
  await pass(1, 1_000);
  expect(told).toEqual(['silent', 'heard']);
  await pass(2, 0);
  expect([told, flow.isSilent]).toEqual([['silent', 'heard', 'silent'], true]);
});

test('now and then a packet is no flow that could stop', async () => {
  for (let round = 0; round < 10; round += 1) {
    await pass(2, 100);
    await pass(3, 0);
  }
  expect(told).toEqual([]);
});
