import { beforeEach, describe, expect, it } from 'vitest';
import { FakeRoom } from '../testing/fake-room.ts';
import { find, findAll, mount, settle, words } from '../testing/mount.ts';
import './people.ts';
import type { PeopleElement } from './people.element.ts';

describe('oriel-people', () => {
  let room: FakeRoom;
  let people: PeopleElement;

  beforeEach(async () => {
    room = new FakeRoom();
    room.localParticipant.role = 'moderator';
    room.enter('p1', 'Grace Hopper').set('microphone', true).set('screen_share', true);
    people = await mount(document.createElement('oriel-people'), { room: room.asRoom });
  });

  const items = () => findAll(people, '[data-testid="people-item"]').map(words);

  it('lists everybody with the state of their devices in words', () => {
    expect(items()).toEqual([
      'AL Ada Lovelace (you) Moderator Camera off Microphone off',
      'GH Grace Hopper Shares the screen Camera off Microphone on',
    ]);
  });

  it('follows what changes', async () => {
    room.remoteParticipants.get('p1')?.set('microphone', false);
    room.tell('trackMuted', {} as never, {} as never);
    room.enter('p2', 'Alan Turing');
    await settle(people);
    expect(items()).toHaveLength(3);
    expect(items()[1]).toContain('Microphone off');
    expect(words(find(people, '.count'))).toBe('3');
  });

  it('finds people by name', async () => {
    const field = find<HTMLInputElement>(people, 'input');
    field.value = 'hopp';
    field.dispatchEvent(new Event('input'));
    await settle(people);
    expect(items()).toHaveLength(1);
    field.value = 'nobody';
    field.dispatchEvent(new Event('input'));
    await settle(people);
    expect(words(find(people, '.nobody'))).toContain('nobody');
  });
});
