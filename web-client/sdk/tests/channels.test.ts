import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openChannels } from '../src/data/channels.ts';
import type { Lanes } from '../src/data/lane.ts';
import { FakePeerConnection, type FakeChannel } from './fakes/webrtc.ts';

const LIMITS = { data_bytes_per_second: 1_000_000, data_messages_per_second: 2_000 };

let channels: Lanes;
let reliable: FakeChannel;
let lossy: FakeChannel;

beforeEach(() => {
  vi.useFakeTimers();
  const pc = new FakePeerConnection();
  channels = openChannels(pc as unknown as RTCPeerConnection, LIMITS, () => {});
  [reliable, lossy] = pc.channels as [FakeChannel, FakeChannel];
  reliable.readyState = lossy.readyState = 'open';
});

afterEach(() => vi.useRealTimers());

const sum = (channel: FakeChannel): number => channel.sent.reduce((bytes, { length }) => bytes + length, 0);

test('nobody sends more bytes than the server takes', async () => {
  for (let index = 0; index < 80; index += 1) void channels.send('reliable', new Uint8Array(60_000));
  expect(sum(reliable)).toBeLessThan(400_000);
  for (let second = 1; second <= 4; second += 1) {
    for (let step = 0; step < 10; step += 1) {
      await vi.advanceTimersByTimeAsync(100);
      reliable.flow();
    }
    expect(sum(reliable)).toBeGreaterThan(900_000 * second);
    expect(sum(reliable)).toBeLessThan(900_000 * (second + 0.5));
  }
});

test('nobody sends more messages than the server takes, on both channels together', async () => {
  for (let index = 0; index < 2_000; index += 1) {
    void channels.send(index % 2 ? 'lossy' : 'reliable', new Uint8Array(10)).catch(() => {});
  }
  const count = (): number => reliable.sent.length + lossy.sent.length;
  expect(count()).toBeLessThan(500);
  await vi.advanceTimersByTimeAsync(500);
  expect(count()).toBeGreaterThan(1_200);
  expect(count()).toBeLessThan(1_500);
});

test('there is a limit to what may wait', async () => {
  reliable.bufferedAmount = 1_000_000;
  for (let index = 0; index < 1_024; index += 1) channels.send('reliable', new Uint8Array(1)).catch(() => {});
  await expect(channels.send('reliable', new Uint8Array(1))).rejects.toMatchObject({ code: 'busy' });
  channels.close();
});

test('a lossy message that has waited too long is dropped, and its sender told so', async () => {
  lossy.bufferedAmount = 1_000_000;
  const sent = [100, 300, 40].map((age) => channels.send('lossy', new Uint8Array(age), age));
  await vi.advanceTimersByTimeAsync(150);
  expect(await sent[0]).toBe(false);
  lossy.flow();
  expect(await sent[1]).toBe(true);
  // Behind one that could still wait, it is seen in its turn.
  expect(await sent[2]).toBe(false);
  expect(lossy.sent.map(({ length }) => length)).toEqual([300]);
});

test('few lossy messages wait in the browser, where they cannot grow too old', async () => {
  for (let index = 0; index < 200; index += 1) channels.send('lossy', new Uint8Array(1_000), 100).catch(() => {});
  expect(sum(lossy)).toBeLessThan(40_000);
  await vi.advanceTimersByTimeAsync(0);
  expect(await channels.send('reliable', new Uint8Array(1))).toBe(true);
});
