import { describe, expect, it } from 'vitest';
import { FakeRoom } from '../testing/fake-room.ts';
import { people, screens, stage } from './pictures.ts';

function pictures(room: FakeRoom) {
  return { people: people(room.asRoom), screens: screens(room.asRoom) };
}

describe('people', () => {
  it('stand in the order they came, ourselves first, whoever speaks', () => {
    const room = new FakeRoom();
    room.enter('p1', 'Grace');
    room.enter('p2', 'Alan').isSpeaking = true;
    expect(people(room.asRoom).map((picture) => picture.key)).toEqual(['you', 'p1', 'p2']);
  });
});

describe('stage', () => {
  const room = new FakeRoom();
  room.enter('p1', 'Grace').set('screen_share', true);
  room.enter('p2', 'Alan').set('screen_share', true);
  const nothing = new Set<string>();

  it('is nothing in an ordinary call', () => {
    expect(stage(pictures(new FakeRoom()), undefined, nothing)).toBeUndefined();
  });

  it('is the newest screen', () => {
    expect(stage(pictures(room), undefined, nothing)?.key).toBe('p2 screen');
  });

  it('is what was pinned, and the screen again when that is gone', () => {
    expect(stage(pictures(room), 'p1', nothing)?.key).toBe('p1');
    expect(stage(pictures(room), 'p9', nothing)?.key).toBe('p2 screen');
  });

  it('leaves out what was put aside', () => {
    expect(stage(pictures(room), undefined, new Set(['p2 screen']))?.key).toBe('p1 screen');
    expect(stage(pictures(room), undefined, new Set(['p1 screen', 'p2 screen']))).toBeUndefined();
  });

  it('does not take our own screen, which we see anyway', () => {
    const own = new FakeRoom();
    own.localParticipant.set('screen_share', true);
    expect(stage(pictures(own), undefined, nothing)).toBeUndefined();
  });
});
