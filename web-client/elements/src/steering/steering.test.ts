import { beforeEach, describe, expect, it } from 'vitest';
import { FakeRoom } from '../testing/fake-room.ts';
import { find, findAll, mount, settle, words } from '../testing/mount.ts';
import './steering.ts';
import type { SteeringElement } from './steering.element.ts';

describe('oriel-steering', () => {
  let room: FakeRoom;
  let steering: SteeringElement;

  beforeEach(async () => {
    room = new FakeRoom();
    steering = await mount(document.createElement('oriel-steering'), { room: room.asRoom });
    steering.show();
    await settle(steering);
  });

  const toggle = (testId: string) => {
    const input = find<HTMLInputElement>(steering, `[data-testid="${testId}"]`);
    input.click();
    return input;
  };

  it('locks the room and opens a lobby', () => {
    toggle('set-locked');
    toggle('set-lobby');
    expect(room.done).toEqual(['setRoom {"locked":true}', 'setRoom {"lobby":true}']);
  });

  it('shows how the room is, not what was wished', async () => {
    const input = toggle('set-locked');
    expect(input.checked).toBe(false);
    room.info.locked = true;
    room.tell('roomUpdated', room.info);
    await settle(steering);
    expect(input.checked).toBe(true);
  });

  it('sets a password and takes it away', async () => {
    const field = find<HTMLInputElement>(steering, '[data-testid="room-password"]');
    field.value = 'sesame';
    field.dispatchEvent(new Event('input'));
    await settle(steering);
    find(steering, '[data-testid="set-password"]').click();
    room.info.password = true;
    room.tell('roomUpdated', room.info);
    await settle(steering);
    find(steering, '[data-testid="clear-password"]').click();
    expect(room.done).toEqual(['setRoom {"password":"sesame"}', 'setRoom {"password":""}']);
  });

  it('asks before it ends the room', async () => {
    find(steering, '[data-testid="end-room"]').click();
    await settle(steering);
    expect(room.done).toEqual([]);
    find(steering, '[data-testid="confirm"]').click();
    expect(room.done).toEqual(['end']);
  });

  it('says why something was not done', async () => {
    room.refusal = Object.assign(new Error('only moderators may do this.'), { hint: 'Ask one.' });
    toggle('set-locked');
    await settle(steering);
    await settle(steering);
    expect(words(find(steering, '[role="alert"]'))).toBe('only moderators may do this. Ask one.');
    expect(findAll(steering, 'dialog')).toHaveLength(1);
  });
});
