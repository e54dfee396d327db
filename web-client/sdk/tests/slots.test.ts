import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SlotPool } from '../src/connection/slots.ts';
import { FakePeerConnection, stubWebRtc } from './fakes/webrtc.ts';

let pc: FakePeerConnection;

async function pool(limit: number, pairs: number): Promise<SlotPool> {
  const slots = new SlotPool(limit);
  slots.grow(pc as unknown as RTCPeerConnection, pairs);
  await pc.setLocalDescription({ type: 'offer' });
  return slots;
}

const enabled = (mid: string): boolean => pc.transceivers.find((one) => one.mid === mid)!.receiver.track.enabled;

beforeEach(() => {
  vi.useFakeTimers();
  stubWebRtc();
  pc = new FakePeerConnection();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('pairs are offered audio before video, pair after pair, to receive only', async () => {
  await pool(24, 3);
  const lines = pc.transceivers.map(({ kind, direction }) => `${direction} ${kind}`);
  expect(lines).toEqual(Array.from({ length: 3 }, () => ['recvonly audio', 'recvonly video']).flat());
});

test('every slot asks only for what the server passes on', async () => {
  await pool(24, 1);
  const [audio, video] = pc.transceivers;
  expect(audio!.codecs.map(({ mimeType }) => mimeType)).toEqual(['audio/opus']);
  expect(video!.codecs.map(({ mimeType, sdpFmtpLine }) => [mimeType, sdpFmtpLine])).toEqual([
    ['video/VP8', undefined],
    ['video/rtx', undefined],
    ['video/VP9', 'profile-id=0'],
    ['video/H264', 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f'],
    ['video/AV1', 'level-idx=5;profile=0;tier=0'],
  ]);
});

test('the pool grows by what is missing, at least by four, at most to the limit', async () => {
  const slots = await pool(16, 4);
  expect(slots.pairsToAdd(0, 0)).toBe(0);
  expect(slots.pairsToAdd(1, 0)).toBe(4);
  expect(slots.pairsToAdd(2, 7)).toBe(7);
  expect(slots.pairsToAdd(20, 0)).toBe(12);
  slots.grow(pc as unknown as RTCPeerConnection, 40);
  expect(slots.pairs).toBe(16);
  expect(pc.transceivers).toHaveLength(32);
  expect(slots.pairsToAdd(1, 1)).toBe(0);
});

test('a slot plays only while something is bound to it', async () => {
  const slots = await pool(24, 1);
  expect(enabled('1')).toBe(false);
  const binding = slots.bind('1', 'TR_a', 1);
  expect(binding?.slot.transceiver.mid).toBe('1');
  expect(binding?.previous).toBeUndefined();
  expect(enabled('1')).toBe(true);
  expect(slots.unbind('1', 1)?.bind).toBe(1);
  expect(enabled('1')).toBe(false);
  expect(slots.lines()).toEqual([]);
});

test('a binding with a number that is not newer is old news', async () => {
  const slots = await pool(24, 1);
  slots.bind('0', 'TR_a', 5);
  expect(slots.bind('0', 'TR_b', 5)).toBeUndefined();
  expect(slots.bind('0', 'TR_b', 4)).toBeUndefined();
  expect(slots.lines()).toEqual([{ mid: '0', track: 'TR_a', bind: 5 }]);
  expect(slots.bind('no such m-line', 'TR_b', 6)).toBeUndefined();
});

test('a late unbinding of the previous track leaves the next one alone', async () => {
  const slots = await pool(24, 1);
  slots.bind('0', 'TR_a', 1);
  expect(slots.bind('0', 'TR_b', 2)?.previous).toBe('TR_a');
  expect(slots.unbind('0', 1)).toBeUndefined();
  expect(slots.slotOf('TR_b')?.bind).toBe(2);
});

test('a slot that was left a moment ago stays dark until its old frames are out', async () => {
  const slots = await pool(24, 1);
  slots.bind('1', 'TR_a', 1);
  slots.release('TR_a');
  slots.bind('1', 'TR_b', 2);
  expect(enabled('1')).toBe(false);
  vi.advanceTimersByTime(199);
  expect(enabled('1')).toBe(false);
  vi.advanceTimersByTime(2);
  expect(enabled('1')).toBe(true);
});

test('a slot that is left again before it settled stays dark', async () => {
  const slots = await pool(24, 1);
  slots.bind('1', 'TR_a', 1);
  slots.bind('1', 'TR_b', 2);
  slots.unbind('1', 2);
  vi.advanceTimersByTime(1_000);
  expect(enabled('1')).toBe(false);
});
