import { beforeEach, describe, expect, it } from 'vitest';
import { FakeRoom } from '../testing/fake-room.ts';
import { find, findAll, mount, settle, words } from '../testing/mount.ts';
import './people.ts';
import type { PeopleElement } from './people.element.ts';

describe('oriel-people', () => {
  let room: FakeRoom;
  let people: PeopleElement;

  beforeEach(async () => {
    // The pages' stand-in here knows no popovers.
    const popovers = { showPopover: () => {}, hidePopover: () => {} };
    Object.assign(HTMLElement.prototype, popovers);
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

  it('puts raised hands first, the earliest first, and says so', async () => {
    room.enter('p2', 'Alan Turing').hand = 2;
    room.remoteParticipants.get('p1')!.hand = 5;
    room.tell('handRaised', {} as never);
    await settle(people);
    expect(items().map((item) => item.slice(0, 2))).toEqual(['AT', 'GH', 'AL']);
    expect(items()[0]).toContain('Hand raised');
  });

  const menu = async (name: string) => {
    const item = findAll(people, '[data-testid="people-item"]').find((one) => words(one).includes(name))!;
    item.querySelector<HTMLElement>('[data-testid="person-menu"]')!.click();
    await settle(people);
    return findAll(people, '#menu button').map(words);
  };

  it('offers a moderator what can be done about somebody, and does it', async () => {
    room.remoteParticipants.get('p1')!.set('camera', true).set('camera', false).hand = 3;
    room.tell('handRaised', {} as never);
    await settle(people);
    expect(await menu('Grace')).toEqual([
      'Write privately',
      'Send files',
      'Mute microphone',
      'Ask to unmute camera',
      'Mute screen share',
      'Lower hand',
      'Make moderator',
      'Remove from the room',
    ]);
    find(people, '[data-testid="person-mute-microphone"]').click();
    await menu('Grace');
    find(people, '[data-testid="person-promote"]').click();
    await settle(people);
    expect(room.done).toEqual(['mute p1-microphone', 'setRole p1 "moderator"']);
  });

  it('asks before it removes anybody', async () => {
    await menu('Grace');
    find(people, '[data-testid="person-remove"]').click();
    await settle(people);
    expect(room.done).toEqual([]);
    expect(words(find(people, 'dialog'))).toContain('Remove Grace Hopper?');
    find(people, '[data-testid="confirm"]').click();
    expect(room.done).toEqual(['remove p1']);
  });

  it('offers everybody else to write privately, and nothing about oneself', async () => {
    room.localParticipant.role = 'participant';
    const asked: string[] = [];
    people.addEventListener('oriel-write-to', (event) => asked.push((event as CustomEvent<string>).detail));
    room.tell('participantUpdated', {} as never);
    await settle(people);
    expect(await menu('Grace')).toEqual(['Write privately', 'Send files']);
    find(people, '[data-testid="person-write"]').click();
    expect(asked).toEqual(['p1']);
    expect(findAll(people, '[data-testid="person-menu"]')).toHaveLength(1);
  });

  it('lists who waits, lets them in or sends them away', async () => {
    room.waiting = ['w1', 'w2'].map((id) => ({ id, identity: id, name: `Guest ${id}`, since: 0 }));
    room.tell('lobbyChanged', room.waiting);
    await settle(people);
    expect(findAll(people, '[data-testid="lobby-item"]').map(words)).toEqual(['GW Guest w1 Deny Admit', 'GW Guest w2 Deny Admit']);
    findAll(people, '[data-testid="admit"]')[0]!.click();
    findAll(people, '[data-testid="deny"]')[1]!.click();
    expect(room.done).toEqual(['admit w1', 'deny w2']);
  });

  it('says so when the server refuses', async () => {
    room.refusal = new Error('you do not steer this room');
    await menu('Grace');
    find(people, '[data-testid="person-promote"]').click();
    await settle(people);
    await settle(people);
    expect(words(find(people, '.trouble'))).toBe('You do not steer this room.');
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
