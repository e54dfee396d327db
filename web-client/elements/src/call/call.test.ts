import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Announcement } from '../element/element.ts';
import { FakeRoom } from '../testing/fake-room.ts';
import { find, findAll, mount, settle, words } from '../testing/mount.ts';
import './call.ts';
import type { CallElement } from './call.element.ts';

describe('oriel-call', () => {
  let room: FakeRoom;
  let call: CallElement;
  let said: string[];

  beforeEach(async () => {
    room = new FakeRoom();
    call = await mount(document.createElement('oriel-call'), {
      room: room.asRoom,
      link: 'https://rooms.example/r/quiet-river-stone',
    });
    said = [];
    call.addEventListener('oriel-announce', (event) => said.push((event as CustomEvent<Announcement>).detail.text));
  });

  const press = async (key: string, target: EventTarget = document.body, type = 'keydown') => {
    const event = new KeyboardEvent(type, { key, bubbles: true, composed: true, cancelable: true });
    target.dispatchEvent(event);
    await settle(call);
    await settle(call);
    return event;
  };

  it('invites others while nobody else is here', async () => {
    expect(words(find(call, '[data-testid="alone"]'))).toContain('rooms.example/r/quiet-river-stone');
    room.enter('p1', 'Grace');
    await settle(call);
    expect(findAll(call, '[data-testid="alone"]')).toHaveLength(0);
  });

  it('opens a panel by key, with the focus inside, and closes it by Escape', async () => {
    await press('c');
    expect(find(call, 'oriel-chat').shadowRoot?.activeElement?.tagName).toBe('TEXTAREA');
    await press('Escape');
    expect(findAll(call, 'oriel-chat')).toHaveLength(0);
  });

  it('gives the focus back to the button that opened the panel', async () => {
    const opener = find(call, '[data-testid="toggle-people"]');
    opener.focus();
    opener.click();
    await settle(call);
    await settle(call);
    expect(findAll(call, 'oriel-people')).toHaveLength(1);
    find(call, '[aria-label="Close people"]').click();
    await settle(call);
    await settle(call);
    expect(find(call, 'oriel-controls').shadowRoot?.activeElement).toBe(opener);
  });

  it('switches the microphone by key and says so', async () => {
    await press('m');
    expect(room.localParticipant.isMicrophoneEnabled).toBe(true);
    expect(said).toContain('Microphone on');
  });

  it('leaves keys to who is typing', async () => {
    await press('c');
    const field = find(call, 'textarea');
    const event = await press('m', field);
    expect(event.defaultPrevented).toBe(false);
    expect(room.localParticipant.isMicrophoneEnabled).toBe(false);
  });

  it('lets a muted microphone talk while the space bar is held', async () => {
    expect((await press(' ')).defaultPrevented).toBe(true);
    expect(room.localParticipant.isMicrophoneEnabled).toBe(true);
    expect(findAll(call, '.talking')).toHaveLength(1);
    await press(' ', document.body, 'keyup');
    expect(room.localParticipant.isMicrophoneEnabled).toBe(false);
    expect(findAll(call, '.talking')).toHaveLength(0);
  });

  it('leaves the space bar to a button that was reached by Tab', async () => {
    const button = find(call, '[data-testid="leave"]');
    await press('Tab', button);
    await press(' ', button);
    expect(room.localParticipant.isMicrophoneEnabled).toBe(false);
  });

  it('counts and shows chat messages of others until the chat is opened', async () => {
    const grace = room.enter('p1', 'Grace');
    room.say(grace, 'hello');
    room.say(room.localParticipant, 'my own');
    await settle(call);
    expect(find(call, '[data-testid="toggle-chat"]').getAttribute('aria-label')).toBe('Chat, 1 unread');
    expect(words(find(call, '.toast'))).toBe('Grace: hello');
    expect(said).toContain('Grace: hello');
    await press('c');
    expect(find(call, '[data-testid="toggle-chat"]').getAttribute('aria-label')).toBe('Chat');
    expect(findAll(call, '.toast')).toHaveLength(0);
  });

  it('says who comes, goes and shares', async () => {
    const grace = room.enter('p1', 'Grace');
    room.tell('trackPublished', { source: 'screen_share' } as never, grace as never);
    room.exit('p1');
    await settle(call);
    expect(said).toEqual(['Grace joined', 'Grace shares the screen', 'Grace left']);
  });

  it('offers the sound that the browser holds back', async () => {
    room.canPlayAudio = false;
    room.tell('audioPlaybackChanged', false);
    await settle(call);
    find(call, '[data-testid="start-audio"]').click();
    await settle(call);
    expect(room.canPlayAudio).toBe(true);
    expect(findAll(call, '[data-testid="audio-blocked"]')).toHaveLength(0);
  });

  it('explains a device that failed until it works', async () => {
    const error = Object.assign(new Error('in use'), { code: 'media_in_use', hint: '' });
    room.tell('mediaDevicesError', error as never, 'camera');
    await vi.waitFor(() => expect(words(find(call, '[data-testid="device-trouble"]'))).toContain('The camera is in use'));
    room.tell('localTrackPublished', { source: 'camera' } as never, room.localParticipant as never);
    await settle(call);
    expect(findAll(call, '[data-testid="device-trouble"]')).toHaveLength(0);
  });

  it('listens to nothing after it is gone', () => {
    call.remove();
    expect(room.listenerCount).toBe(0);
  });
});
