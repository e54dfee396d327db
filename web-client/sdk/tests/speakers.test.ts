import { beforeEach, expect, test } from 'vitest';
import { receivedLevel, SpeakerWatch } from '../src/media/speakers.ts';
import { RemoteParticipant, type Participant } from '../src/participant.ts';
import { participant } from './fakes/server.ts';

const ada = new RemoteParticipant(participant('PA_ada'));
const bob = new RemoteParticipant(participant('PA_bob'));

let levels: [Participant, number][];
let told: string[][];
let watch: SpeakerWatch;

beforeEach(() => {
  levels = [
    [ada, 0],
    [bob, 0],
  ];
  told = [];
  watch = new SpeakerWatch(
    () => levels,
    (speakers) => told.push(speakers.map(({ id }) => id)),
  );
});

const set = (...next: number[]): void => levels.forEach((entry, index) => (entry[1] = next[index] ?? 0));

test('who is loud speaks, loudest first', () => {
  set(0.1, 0.3);
  watch.look(0);
  expect(told).toEqual([['PA_bob', 'PA_ada']]);
  expect([ada.isSpeaking, bob.audioLevel]).toEqual([true, 0.3]);
});

test('a breath of less than half a second changes nothing, more does', () => {
  set(0.1);
  watch.look(0);
  set(0);
  watch.look(499);
  expect(told).toEqual([['PA_ada']]);
  expect(ada.isSpeaking).toBe(true);
  watch.look(500);
  expect(told).toEqual([['PA_ada'], []]);
  expect(ada.isSpeaking).toBe(false);
});

test('a change of loudness alone is no news', () => {
  set(0.1, 0.3);
  watch.look(0);
  set(0.3, 0.1);
  watch.look(200);
  expect(told).toHaveLength(1);
  expect(watch.speakers.map(({ id }) => id)).toEqual(['PA_ada', 'PA_bob']);
});

test('noise of the room is not speech', () => {
  set(0.015);
  watch.look(0);
  expect(told).toEqual([]);
});

test('who leaves while speaking no longer speaks', () => {
  set(0.1);
  watch.look(0);
  levels = [[bob, 0]];
  watch.look(200);
  expect(told).toEqual([['PA_ada'], []]);
  expect(ada.isSpeaking).toBe(false);
});

test('a level that is old says nothing about now', () => {
  const heard = (ago: number): RTCRtpReceiver =>
    ({
      getSynchronizationSources: () => [
        { timestamp: performance.timeOrigin + performance.now() - ago, audioLevel: 0.4 },
      ],
    }) as unknown as RTCRtpReceiver;
  expect(receivedLevel(heard(100))).toBe(0.4);
  expect(receivedLevel(heard(700))).toBe(0);
  expect(receivedLevel({ getSynchronizationSources: () => [] } as unknown as RTCRtpReceiver)).toBe(0);
});
