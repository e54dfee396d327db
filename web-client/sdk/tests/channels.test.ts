import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Channels } from '../src/data/channels.ts';
import { FakePeerConnection, type FakeChannel } from './fakes/webrtc.ts';

const LIMITS = { data_bytes_per_second: 1_000_000, data_messages_per_second: 2_000 };

let channels: Channels;
let reliable: FakeChannel;
let lossy: FakeChannel;

beforeEach(() => {
  vi.useFakeTimers();
  const pc = new FakePeerConnection();
  channels = new Channels(pc as unknown as RTCPeerConnection, LIMITS, () => {});
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
