import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { asParticipant, FakeRoom } from '../testing/fake-room.ts';
import { find, findAll, mount, settle, words } from '../testing/mount.ts';
import './call.ts';
import type { CallElement } from './call.element.ts';

describe('what a person in a call has to know', () => {
  let room: FakeRoom;
  let call: CallElement;

  beforeEach(async () => {
    room = new FakeRoom();
    call = await mount(document.createElement('oriel-call'), { room: room.asRoom, link: '' });
  });

  afterEach(() => vi.useRealTimers());

  const lines = () => findAll(call, '[data-testid^="bulletin-"].notice').map((one) => words(one.querySelector('p')!));
  const microphone = () => room.localParticipant.getPublication('microphone') as never;

  it('says who muted us, until we unmute', async () => {
    const grace = room.enter('p1', 'Grace Hopper');
    room.localParticipant.set('microphone', true).set('microphone', false);
    room.tell('trackMuted', microphone(), asParticipant(room.localParticipant), asParticipant(grace));
    await settle(call);
    expect(lines()).toEqual(['Grace Hopper muted your microphone.']);
    room.tell('trackUnmuted', microphone(), asParticipant(room.localParticipant));
    await settle(call);
    expect(lines()).toEqual([]);
  });

  it('says nothing about muting that is our own or not of us', async () => {
    const grace = room.enter('p1', 'Grace Hopper').set('microphone', true);
    room.localParticipant.set('microphone', true);
    room.tell('trackMuted', microphone(), asParticipant(room.localParticipant));
    room.tell('trackMuted', microphone(), asParticipant(grace), asParticipant(room.localParticipant));
    await settle(call);
    expect(lines()).toEqual([]);
  });

  it('unmutes by one press when asked to', async () => {
    const grace = room.enter('p1', 'Grace Hopper');
    room.localParticipant.set('microphone', true).set('microphone', false);
    room.tell('unmuteAsked', microphone(), asParticipant(grace));
    await settle(call);
    expect(lines()).toEqual(['Grace Hopper asks you to unmute your microphone.']);
    find(call, '[data-testid="bulletin-act"]').click();
    await settle(call);
    expect(room.localParticipant.isMicrophoneEnabled).toBe(true);
    expect(lines()).toEqual([]);
  });

  it('tells a moderator who waits, and leads to the list', async () => {
    room.localParticipant.role = 'moderator';
    room.waiting = [{ id: 'w', identity: 'w', name: 'Will', since: 0 }];
    room.tell('lobbyChanged', room.waiting);
    await settle(call);
    expect(lines()).toEqual(['Will waits to be let in.']);
    find(call, '[data-testid="bulletin-act"]').click();
    await settle(call);
    expect(findAll(call, '[data-testid="lobby-item"]')).toHaveLength(1);
    room.waiting = [];
    room.tell('lobbyChanged', []);
    await settle(call);
    expect(lines()).toEqual([]);
  });

  it('tells of the server’s end, of a move, and that we talk to ourselves; each can be closed', async () => {
    room.tell('serverDraining', new Date(2026, 1, 1, 17, 5).getTime());
    room.tell('moved', 'stand-up.blue');
    room.tell('talkingWhileMuted');
    await settle(call);
    expect(lines()).toEqual([
      expect.stringMatching(/^The server restarts at 0?5:05|17:05/u),
      'You were moved to stand-up.blue.',
      'You are muted: nobody hears you.',
    ]);
    for (let left = 3; left > 0; left -= 1) {
      find(call, '[data-testid^="bulletin-"] [aria-label="Close this notice"]').click();
      await settle(call);
      expect(lines()).toHaveLength(left - 1);
    }
  });

  it('shows an interruption only when it lasts', async () => {
    vi.useFakeTimers();
    const banner = () => findAll(call, '[data-testid="reconnecting"]').length;
    room.tell('reconnecting');
    await vi.advanceTimersByTimeAsync(1_400);
    expect(banner()).toBe(0);
    room.tell('reconnected');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(banner()).toBe(0);
    room.tell('reconnecting');
    await vi.advanceTimersByTimeAsync(1_600);
    expect(banner()).toBe(1);
    room.tell('reconnected');
    await vi.advanceTimersByTimeAsync(0);
    expect(banner()).toBe(0);
  });
});
