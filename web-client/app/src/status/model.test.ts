import type { ParticipantQuality, ServerEvent, ServerMeasured } from '@oriel/client';
import { expect, test } from 'vitest';
import { pathOf } from './chart.ts';
import { age, bits, bytes } from './format.ts';
import { grade, KEPT, StatusModel, total } from './model.ts';

const place = { id: 'RM_1', name: 'team' };
const flow = { bits_per_second: 0, packets_per_second: 0, lost_per_thousand: 0 };
const quality = (part: Partial<ParticipantQuality> = {}): ParticipantQuality => ({ participant: 'PA_1', received: flow, sent: flow, ...part });

function happened(event: object): ServerEvent {
  return { seq: 1, at: 7, room: place, type: (event as { type: string }).type, event: { seq: 1, ...event } } as ServerEvent;
}

test('rooms are as the overview and the events after it say', () => {
  const model = new StatusModel();
  const room = { id: 'RM_0', name: 'old', started_at: 3, locked: false, lobby: false, password: false };
  model.apply({ type: 'overview', lost: false, rooms: [{ room, participants: 2 }], cursor: 'a.1' });
  model.apply(happened({ type: 'room.started', room: { ...room, ...place } }));
  model.apply(happened({ type: 'participant.joined', participant: { id: 'PA_1' } }));
  model.apply(happened({ type: 'participant.joined', participant: { id: 'PA_2' } }));
  model.apply(happened({ type: 'participant.left', participant: 'PA_1', reason: 'left' }));
  model.apply(happened({ type: 'quality.measured', participants: [quality()] }));
  expect([...model.rooms.values()]).toEqual([
    { id: 'RM_0', name: 'old', startedAt: 3, participants: 2, quality: [] },
    { id: 'RM_1', name: 'team', startedAt: 7, participants: 1, quality: [quality()] },
  ]);
  model.apply(happened({ type: 'participants.changed', joined: [], left: [], participants: 118 }));
  expect(model.rooms.get('RM_1')?.participants).toBe(118);
  model.apply(happened({ type: 'room.ended', reason: 'empty' }));
  expect([...model.rooms.keys()]).toEqual(['RM_0']);
  model.apply({ type: 'overview', lost: true, rooms: [], cursor: 'a.9' });
  expect(model.rooms.size).toBe(0);
});

test('five minutes of beats are kept', () => {
  const model = new StatusModel();
  for (let at = 0; at < KEPT + 5; at += 1) model.apply({ type: 'server.measured', at } as ServerMeasured);
  expect(model.beats.length).toBe(KEPT);
  expect(model.beats[0]?.at).toBe(5);
});

test('losses and delay make a grade, and flows a sum', () => {
  const lost = (lost_per_thousand: number): ParticipantQuality => quality({ sent: { ...flow, bits_per_second: 10, lost_per_thousand } });
  expect([lost(10), lost(11), lost(51)].map(grade)).toEqual(['good', 'fair', 'poor']);
  expect([quality({ round_trip_ms: 200 }), quality({ round_trip_ms: 401 })].map(grade)).toEqual(['good', 'poor']);
  expect(total([lost(3), lost(2)], 'sent')).toEqual({ bits_per_second: 20, packets_per_second: 0, lost_per_thousand: 3 });
});

test('numbers are short', () => {
  expect([bits(0), bits(999), bits(1_500), bits(25_000_000)]).toEqual(['0 bit/s', '999 bit/s', '1.5 kbit/s', '25 Mbit/s']);
  expect(bytes(52_000_000)).toBe('52 MB');
  expect([age(-5), age(59_000), age(3_600_000 * 2 + 60_000), age(86_400_000 * 3)]).toEqual(['0 s', '59 s', '2 h 1 min', '3 d']);
});

test('a line ends at the right edge and fits the height', () => {
  expect(pathOf([], 3, 10)).toBe('');
  expect(pathOf([0, 10], 3, 10)).toBe('M150 62 L300 2');
});
