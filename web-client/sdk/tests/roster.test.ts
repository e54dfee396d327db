import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SlotPool } from '../src/connection/slots.ts';
import { TypedEmitter, type RoomEvents } from '../src/events.ts';
import type { LocalParticipant } from '../src/local-participant.ts';
import { AudioPlayback } from '../src/media/playback.ts';
import { RemoteParticipant } from '../src/participant.ts';
import type { Event, ParticipantInfo, TrackInfo } from '../src/protocol.gen.ts';
import { Roster } from '../src/roster.ts';
import { joined, participant } from './fakes/server.ts';
import { FakePeerConnection, stubWebRtc } from './fakes/webrtc.ts';

const OURS = 'PA_me';

let roster: Roster;
let slots: SlotPool;
let pc: FakePeerConnection;
/** What was told, in short: `trackSubscribed TR_1`. */
let told: string[];

function tell(name: string, about: { id: string }): void {
  told.push(`${name} ${about.id}`);
}

beforeEach(async () => {
  vi.useFakeTimers();
  stubWebRtc();
  const emitter = new TypedEmitter<RoomEvents>();
  told = [];
  emitter.on('participantConnected', (one) => tell('participantConnected', one));
  emitter.on('participantDisconnected', (one) => tell('participantDisconnected', one));
  emitter.on('participantUpdated', (one) => tell('participantUpdated', one));
  emitter.on('trackPublished', (one) => tell('trackPublished', one));
  emitter.on('trackUnpublished', (one) => tell('trackUnpublished', one));
  emitter.on('trackMuted', (one) => tell('trackMuted', one));
  emitter.on('trackUnmuted', (one) => tell('trackUnmuted', one));
  emitter.on('trackSubscribed', (_track, one) => tell('trackSubscribed', one));
  emitter.on('trackUnsubscribed', (_track, one) => tell('trackUnsubscribed', one));
  emitter.on('handRaised', (one) => tell('handRaised', one));
  emitter.on('handLowered', (one) => tell('handLowered', one));
  const local = new RemoteParticipant(participant(OURS)) as unknown as LocalParticipant;
  roster = new Roster({
    local,
    emitter,
    playback: new AudioPlayback(() => {}),
    subscribe: () => Promise.resolve(),
    viewport: () => undefined,
  });
  pc = new FakePeerConnection();
  slots = new SlotPool(24);
  slots.grow(pc as unknown as RTCPeerConnection, 4);
  await pc.setLocalDescription({ type: 'offer' });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const track = (id: string, more: Partial<TrackInfo> = {}): TrackInfo => ({
  id,
  kind: 'video',
  source: 'camera',
  name: '',
  muted: false,
  ...more,
});

const apply = (event: Event): void => roster.apply(event, slots);
const bound = (of: string, id: string, mid: string, bind: number): void =>
  apply({ type: 'subscription.bound', participant: of, track: id, mid, bind });

/** What the roster says, in the shape of a snapshot. */
function snapshot(): ParticipantInfo[] {
  return [...roster.remote.values()].map((one) =>
    participant(one.id, {
      name: one.name,
      role: one.role,
      attributes: { ...one.attributes },
      tracks: one.publications.map(({ id, kind, source, name, muted }) => ({ id, kind, source, name, muted })),
    }),
  );
}

test('those who come and go together are told one by one, once, and never ourselves', () => {
  roster.enter(joined(OURS, [participant('PA_a'), participant('PA_b')]));
  told = [];
  apply({
    type: 'participants.changed',
    joined: [participant(OURS), participant('PA_b'), participant('PA_c')],
    left: [
      { participant: 'PA_a', reason: 'left' },
      { participant: 'PA_unheard', reason: 'connection_lost' },
    ],
    participants: 3,
  });
  expect(told).toEqual(['participantDisconnected PA_a', 'participantConnected PA_c']);
  expect([...roster.remote.keys()]).toEqual(['PA_b', 'PA_c']);
});

test('the snapshot becomes the state', () => {
  const others = [participant('PA_a', { tracks: [track('TR_1', { muted: true })] }), participant('PA_b')];
  roster.enter(joined(OURS, others));
  expect(snapshot()).toEqual(others);
  expect(told).toEqual(['participantConnected PA_a', 'participantConnected PA_b']);
  expect(roster.remote.get('PA_a')?.isCameraEnabled).toBe(false);
});

test('a track that is bound is subscribed and carries the slot’s media', () => {
  roster.enter(joined(OURS, [participant('PA_a', { tracks: [track('TR_1')] })]));
  bound('PA_a', 'TR_1', '1', 1);
  const { track: media } = roster.remote.get('PA_a')!.getPublication('camera')!;
  expect(media?.mediaStreamTrack).toBe(pc.transceivers[1]!.receiver.track);
  expect(media?.bind).toBe(1);
  apply({ type: 'subscription.unbound', participant: 'PA_a', track: 'TR_1', mid: '1', bind: 1 });
  expect(roster.remote.get('PA_a')!.getPublication('camera')!.track).toBeUndefined();
  expect(told.slice(1)).toEqual(['trackSubscribed TR_1', 'trackUnsubscribed TR_1']);
});

test('a slot that goes straight to another track ends the first', () => {
  roster.enter(
    joined(OURS, [participant('PA_a', { tracks: [track('TR_1')] }), participant('PA_b', { tracks: [track('TR_2')] })]),
  );
  bound('PA_a', 'TR_1', '1', 1);
  bound('PA_b', 'TR_2', '1', 2);
  expect(told.slice(2)).toEqual(['trackSubscribed TR_1', 'trackUnsubscribed TR_1', 'trackSubscribed TR_2']);
});

test('who leaves takes everything along and frees the slots', () => {
  roster.enter(joined(OURS, [participant('PA_a', { tracks: [track('TR_1')] })]));
  bound('PA_a', 'TR_1', '1', 1);
  told = [];
  apply({ type: 'participant.left', participant: 'PA_a', reason: 'left' });
  expect(told).toEqual(['trackUnsubscribed TR_1', 'trackUnpublished TR_1', 'participantDisconnected PA_a']);
  expect(slots.lines()).toEqual([]);
});

test('an unpublished track frees its slot without a word about the slot', () => {
  roster.enter(joined(OURS, [participant('PA_a', { tracks: [track('TR_1')] })]));
  bound('PA_a', 'TR_1', '1', 1);
  apply({ type: 'track.unpublished', participant: 'PA_a', track: 'TR_1' });
  expect(slots.lines()).toEqual([]);
  expect(told.slice(-2)).toEqual(['trackUnsubscribed TR_1', 'trackUnpublished TR_1']);
});

test('an interruption is told as a difference', () => {
  const stays = participant('PA_a', { tracks: [track('TR_1'), track('TR_2', { source: 'screen_share' })] });
  roster.enter(joined(OURS, [stays, participant('PA_b')]));
  bound('PA_a', 'TR_1', '1', 1);
  const before = roster.remote.get('PA_a');
  told = [];
  const now = { ...stays, tracks: [track('TR_1', { muted: true }), track('TR_3', { source: 'microphone', kind: 'audio' })] };
  roster.enter(joined('PA_me_again', [now, participant('PA_c')]));
  expect(roster.remote.get('PA_a')).toBe(before);
  expect(told).toEqual([
    'trackUnsubscribed TR_1',
    'participantDisconnected PA_b',
    'trackMuted TR_1',
    'trackUnpublished TR_2',
    'trackPublished TR_3',
    'participantConnected PA_c',
  ]);
});

test('our own coming and muting told to everybody is no news to us', () => {
  roster.enter(joined(OURS));
  apply({ type: 'participant.joined', participant: participant(OURS) });
  apply({ type: 'track.muted', participant: OURS, track: 'TR_x' });
  apply({ type: 'participant.left', participant: OURS, reason: 'left' });
  expect(told).toEqual([]);
  expect(roster.remote.size).toBe(0);
});

test('after missing events only the difference is told, and what flows goes on', () => {
  const stays = participant('PA_a', { tracks: [track('TR_1'), track('TR_2', { source: 'screen_share' })] });
  const goes = participant('PA_b', { tracks: [track('TR_4')] });
  roster.enter(joined(OURS, [stays, goes]));
  bound('PA_a', 'TR_1', '1', 1);
  bound('PA_a', 'TR_2', '3', 1);
  bound('PA_b', 'TR_4', '5', 1);
  const media = roster.remote.get('PA_a')!.publications[0]!.track;
  told = [];
  const bindings = [
    { participant: 'PA_a', track: 'TR_1', mid: '1', bind: 1 },
    { participant: 'PA_a', track: 'TR_3', mid: '3', bind: 2 },
  ];
  const now = { ...stays, name: 'Ann', hand: 3, tracks: [track('TR_1'), track('TR_3', { source: 'screen_share' })] };
  roster.catchUp({ ...joined(OURS, [now]), bindings }, slots);
  expect(roster.remote.get('PA_a')!.publications[0]!.track).toBe(media);
  expect(told).toEqual([
    'trackUnsubscribed TR_2',
    'trackUnsubscribed TR_4',
    'trackUnpublished TR_4',
    'participantDisconnected PA_b',
    'trackUnpublished TR_2',
    'trackPublished TR_3',
    'handRaised PA_a',
    'participantUpdated PA_a',
    'trackSubscribed TR_3',
  ]);
  expect(slots.lines().map((line) => [line.mid, line.track, line.bind])).toEqual([['1', 'TR_1', 1], ['3', 'TR_3', 2]]);
});

test('hands go up and down, each once', () => {
  roster.enter(joined(OURS, [participant('PA_a', { hand: 4 })]));
  expect(roster.remote.get('PA_a')!.hand).toBe(4);
  told = [];
  apply({ type: 'hand.raised', participant: 'PA_a', hand: 4 });
  apply({ type: 'hand.lowered', participant: 'PA_a' });
  apply({ type: 'hand.raised', participant: OURS, hand: 5 });
  apply({ type: 'participant.updated', participant: participant(OURS, { hand: 5, role: 'moderator' }) });
  expect(told).toEqual(['handLowered PA_a', `handRaised ${OURS}`, `participantUpdated ${OURS}`]);
});

/** A small generator (mulberry32), so that a failure can be repeated by its seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test.each(Array.from({ length: 50 }, (_, seed) => seed))('whatever happens, events lead to the snapshot (seed %i)', (seed) => {
  const draw = random(seed);
  /** The room as the server has it, and which slot has which track. */
  const room = new Map<string, ParticipantInfo>();
  const bindings = new Map<string, { id: string; bind: number }>();
  let made = 0;
  roster.enter(joined(OURS));
  const pick = <T>(from: readonly T[]): T | undefined => from[draw(Math.max(from.length, 1))];
  const free = (id: string): void => {
    for (const binding of bindings.values()) if (binding.id === id) binding.id = '';
  };
  for (let step = 0; step < 200; step += 1) {
    const one = pick([...room.values()]);
    const its = one && pick(one.tracks);
    switch (draw(8)) {
      case 0: {
        const newcomer = participant(`PA_${(made += 1)}`);
        room.set(newcomer.id, newcomer);
        apply({ type: 'participant.joined', participant: structuredClone(newcomer) });
        break;
      }
      case 1:
        if (one && draw(3) === 0) {
          room.delete(one.id);
          for (const { id } of one.tracks) free(id);
          apply({ type: 'participant.left', participant: one.id, reason: 'left' });
        }
        break;
      case 2:
      case 3:
        if (one) {
          const fresh = track(`TR_${(made += 1)}`, draw(2) ? {} : { kind: 'audio', source: 'microphone' });
          one.tracks.push(fresh);
          apply({ type: 'track.published', participant: one.id, track: { ...fresh } });
        }
        break;
      case 4:
        if (one && its) {
          one.tracks = one.tracks.filter((other) => other !== its);
          free(its.id);
          apply({ type: 'track.unpublished', participant: one.id, track: its.id });
        }
        break;
      case 5:
        if (one && its) {
          its.muted = !its.muted;
          apply({ type: its.muted ? 'track.muted' : 'track.unmuted', participant: one.id, track: its.id });
        }
        break;
      case 6:
        if (one) {
          one.attributes = { step: String(step) };
          apply({ type: 'participant.updated', participant: structuredClone(one) });
        }
        break;
      default: {
        const mid = String(draw(8));
        const now = bindings.get(mid) ?? { id: '', bind: 0 };
        const isFree = its && ![...bindings.values()].some(({ id }) => id === its.id);
        if (now.id === '' && one && its && isFree && its.kind === pc.transceivers[Number(mid)]!.kind) {
          bindings.set(mid, { id: its.id, bind: now.bind + 1 });
          bound(one.id, its.id, mid, now.bind + 1);
        }
      }
    }
    expect(snapshot()).toEqual([...room.values()]);
    const flowing = [...roster.remote.values()].flatMap(({ publications }) => publications.filter((one) => one.track));
    const expected = [...bindings.values()].map(({ id }) => id).filter((id) => id !== '');
    expect(flowing.map(({ id }) => id).sort()).toEqual(expected.sort());
    expect(slots.lines().map((line) => line.track).sort()).toEqual(expected);
  }
  expect(made).toBeGreaterThan(10);
});
