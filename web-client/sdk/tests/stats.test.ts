import { expect, test } from 'vitest';
import { StatsReader, type TrackOnLine } from '../src/connection/stats.ts';

const line = (more: Partial<TrackOnLine> = {}): TrackOnLine => ({
  mid: '1',
  track: 'TR_1',
  participant: 'PA_1',
  source: 'camera',
  bind: 1,
  ...more,
});

const pc = (...stats: object[]): RTCPeerConnection =>
  ({
    getStats: () => Promise.resolve(new Map(stats.map((one, index) => [(one as { id?: string }).id ?? `S${index}`, one]))),
  }) as unknown as RTCPeerConnection;

const inbound = (timestamp: number, bytesReceived: number, packetsReceived: number): object => ({
  id: 'IN',
  type: 'inbound-rtp',
  kind: 'video',
  mid: '1',
  timestamp,
  bytesReceived,
  packetsReceived,
  packetsLost: 2,
  jitter: 0.01,
  codecId: 'C',
  frameWidth: 640,
  frameHeight: 360,
  framesPerSecond: 30,
  totalFreezesDuration: 1.5,
});
const codec = { id: 'C', type: 'codec', mimeType: 'video/VP8' };

test('bit rate is over the last interval, packets are since the first statistics', async () => {
  const reader = new StatsReader();
  await reader.read(pc(inbound(1_000, 10_000, 100), codec), [line()]);
  const { tracks } = await reader.read(pc(inbound(2_000, 135_000, 220), codec), [line()]);
  expect(tracks).toEqual([
    {
      direction: 'received',
      trackId: 'TR_1',
      participantId: 'PA_1',
      source: 'camera',
      kind: 'video',
      codec: 'video/VP8',
      bitrate: 1_000_000,
      packets: 120,
      packetsLost: 0,
      jitter: 0.01,
      width: 640,
      height: 360,
      framesPerSecond: 30,
      frozen: 0,
    },
  ]);
});

test('a track that comes onto a used slot starts from zero', async () => {
  const reader = new StatsReader();
  await reader.read(pc(inbound(1_000, 10_000, 100)), [line()]);
  const next = line({ track: 'TR_2', bind: 2 });
  const { tracks } = await reader.read(pc(inbound(2_000, 135_000, 220)), [next]);
  expect(tracks[0]).toMatchObject({ trackId: 'TR_2', packets: 0, bitrate: 0, codec: undefined });
});

test('a slot without a track is not a track', async () => {
  const { tracks } = await new StatsReader().read(pc(inbound(1_000, 1, 1)), []);
  expect(tracks).toEqual([]);
});

test('of what is sent, loss is what the server reported', async () => {
  const sent = (packetsLost: number): object[] => [
    { id: 'OUT', type: 'outbound-rtp', kind: 'audio', mid: '8', timestamp: 1, packetsSent: 5, remoteId: 'R' },
    { id: 'R', type: 'remote-inbound-rtp', packetsLost, jitter: 0.02 },
  ];
  const reader = new StatsReader();
  const ours = [line({ mid: '8', bind: 0, source: 'microphone' })];
  await reader.read(pc(...sent(3)), ours);
  const { tracks } = await reader.read(pc(...sent(7)), ours);
  expect(tracks[0]).toMatchObject({ direction: 'sent', packetsLost: 4, jitter: 0.02 });
});

test.each([
  ['Chromium', [{ type: 'transport', selectedCandidatePairId: 'P' }], {}],
  ['Firefox', [], { selected: true }],
  ['others', [], { nominated: true, state: 'succeeded' }],
])('the path in use is found as %s tells it', async (_browser, transport, pair) => {
  const { path, roundTripTime } = await new StatsReader().read(
    pc(
      { id: 'X', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'Y', state: 'waiting' },
      { id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', currentRoundTripTime: 0.02, ...pair },
      { id: 'L', type: 'local-candidate', candidateType: 'host' },
      { id: 'R', type: 'remote-candidate', address: '127.0.0.1', port: 7882, protocol: 'udp' },
      ...transport,
    ),
    [],
  );
  expect(path).toEqual({ protocol: 'udp', address: '127.0.0.1', port: 7882, relayed: false, relayProtocol: undefined });
  expect(roundTripTime).toBe(0.02);
});

test('a path by way of a TURN server is told as such', async () => {
  const { path } = await new StatsReader().read(
    pc(
      { id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', nominated: true, state: 'succeeded' },
      { id: 'L', type: 'local-candidate', candidateType: 'relay', relayProtocol: 'tls' },
      { id: 'R', type: 'remote-candidate', address: '127.0.0.1', port: 7882, protocol: 'udp' },
    ),
    [],
  );
  expect(path).toMatchObject({ relayed: true, relayProtocol: 'tls' });
});
