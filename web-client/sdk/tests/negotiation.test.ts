import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PeerConnection } from '../src/connection/peer-connection.ts';
import { Senders } from '../src/connection/senders.ts';
import { FakePeerConnection, FakeTrack, stubWebRtc } from './fakes/webrtc.ts';

interface Answers {
  sdp: string;
  answer: (sdp: string) => void;
  refuse: (error: Error) => void;
}

/** Offers that wait for an answer, and everything that was sent, in order. */
let offers: Answers[];
let sent: string[];
let peer: PeerConnection;
let pc: FakePeerConnection;

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

beforeEach(() => {
  stubWebRtc();
  offers = [];
  sent = [];
  peer = new PeerConnection(
    {},
    {
      offer: (sdp) => {
        sent.push(`offer ${sdp}`);
        return new Promise((answer, refuse) => offers.push({ sdp, answer, refuse }));
      },
      candidate: (candidate) => sent.push(`candidate ${candidate}`),
      stateChanged: () => {},
    },
  );
  pc = FakePeerConnection.newest;
});

afterEach(() => vi.unstubAllGlobals());

const outgoing = (kind: 'audio' | 'video') => ({
  media: new FakeTrack(kind) as unknown as MediaStreamTrack,
  kind,
  source: kind === 'audio' ? ('microphone' as const) : ('camera' as const),
  maxBitrate: undefined,
});

test('an exchange goes through its steps in order', async () => {
  const done = peer.negotiate({ apply: () => pc.calls.push('apply'), offered: () => pc.calls.push('offered') });
  await turn();
  offers[0]!.answer('answer');
  await done;
  expect(pc.calls).toEqual(['apply', 'createOffer', 'setLocalDescription offer', 'offered', 'setRemoteDescription']);
});

test('what comes up in one turn shares an offer, what comes up later waits for the next', async () => {
  const first = peer.negotiate({});
  const second = peer.negotiate({});
  await turn();
  expect(offers).toHaveLength(1);
  const third = peer.negotiate({ apply: (pc) => void pc.addTransceiver('audio', { direction: 'recvonly' }) });
  await turn();
  expect(offers).toHaveLength(1);
  offers[0]!.answer('answer');
  await Promise.all([first, second]);
  await turn();
  expect(offers).toHaveLength(2);
  offers[1]!.answer('answer');
  await third;
  expect(pc.calls.filter((call) => call === 'setRemoteDescription')).toHaveLength(2);
});

test('requests made when the offer is on its way stand right behind it, before the answer', async () => {
  void peer.negotiate({ offered: () => sent.push('publish 1') });
  void peer.negotiate({ offered: () => sent.push('publish 2') });
  await turn();
  expect(sent).toEqual(['offer #1 ', 'publish 1', 'publish 2']);
});

test('candidates that are found early wait for their offer', async () => {
  pc.setLocalDescription = async () => {
    pc.signalingState = 'have-local-offer';
    pc.onicecandidate?.({ candidate: { candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host' } });
    pc.onicecandidate?.({ candidate: { candidate: 'candidate:2 1 udp 1 f3a0.local 9 typ host' } });
    await Promise.resolve();
  };
  void peer.negotiate({});
  await turn();
  pc.onicecandidate?.({ candidate: null });
  expect(sent).toEqual(['offer #1 ', 'candidate candidate:1 1 udp 1 127.0.0.1 9 typ host', 'candidate ']);
});

test('a refused offer is rolled back and the next one works', async () => {
  const refused = peer.negotiate({});
  const failure = expect(refused).rejects.toMatchObject({ code: 'bad_sdp', message: 'no' });
  await turn();
  offers[0]!.refuse(new Error('no'));
  await failure;
  expect(pc.calls.at(-1)).toBe('setLocalDescription rollback');
  const next = peer.negotiate({ iceRestart: true });
  await turn();
  offers[1]!.answer('answer');
  await next;
  expect(pc.calls).toContain('createOffer restart');
});

test('an m-line that was left serves the next track of its kind without an offer', async () => {
  const senders = new Senders(peer);
  const first = senders.take(outgoing('audio'));
  await turn();
  offers[0]!.answer('answer');
  await first.answered;
  const line = await first.offered;
  senders.give(line);
  expect(line.sender.track).toBeNull();

  const video = senders.take(outgoing('video'));
  await turn();
  expect(offers).toHaveLength(2);
  offers[1]!.answer('answer');
  await video.answered;

  const again = senders.take(outgoing('audio'));
  await again.answered;
  expect(await again.offered).toBe(line);
  expect(line.sender.track?.kind).toBe('audio');
  await turn();
  expect(offers).toHaveLength(2);
});

test('an offer that never gets away leaves nobody waiting', async () => {
  pc.createOffer = () => Promise.reject(new Error('broken'));
  const sender = new Senders(peer).take(outgoing('audio'));
  await expect(sender.offered).rejects.toMatchObject({ code: 'bad_sdp' });
});

test('nothing is offered on a closed connection', async () => {
  peer.close();
  await expect(peer.negotiate({})).rejects.toMatchObject({ code: 'aborted' });
});
