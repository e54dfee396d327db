import { beforeEach, describe, expect, it } from 'vitest';
import { asParticipant, type FakeParticipant, FakeRoom } from '../testing/fake-room.ts';
import { find, findAll, mount, settle, words } from '../testing/mount.ts';
import './tile.ts';
import type { TileElement } from './tile.element.ts';

describe('oriel-tile', () => {
  let room: FakeRoom;
  let grace: FakeParticipant;

  beforeEach(() => {
    room = new FakeRoom();
    grace = room.enter('p1', 'Grace Hopper');
  });

  const show = (participant: FakeParticipant, more: Partial<TileElement> = {}) =>
    mount(document.createElement('oriel-tile'), {
      room: room.asRoom,
      participant: asParticipant(participant),
      ...more,
    });

  it('shows initials and says what is off', async () => {
    const tile = await show(grace);
    expect(words(find(tile, '.avatar'))).toBe('GH');
    expect(words(find(tile, '.caption'))).toBe('Grace Hopper , microphone off, camera off');
    expect(tile.dataset).toMatchObject({
      identity: 'identity-p1',
      participant: 'p1',
      local: 'false',
      mutedAudio: 'true',
      mutedVideo: 'true',
    });
  });

  it('shows the camera from its first picture until it is muted', async () => {
    grace.set('camera', true);
    const tile = await show(grace);
    const video = find<HTMLVideoElement>(tile, 'video');
    const track = grace.getPublication('camera')?.track;
    expect(track?.attached).toEqual(new Set([video]));
    expect(findAll(tile, '.avatar')).toHaveLength(1);
    video.dispatchEvent(new Event('loadeddata'));
    await settle(tile);
    expect(findAll(tile, '.avatar')).toHaveLength(0);

    grace.set('camera', false);
    room.tell('trackMuted', {} as never, grace as never);
    await settle(tile);
    expect(track?.attached.size).toBe(0);
    expect(tile.dataset['mutedVideo']).toBe('true');
    expect(findAll(tile, '.avatar')).toHaveLength(1);
  });

  it('lets go of the track when it leaves the page', async () => {
    grace.set('camera', true);
    const tile = await show(grace);
    tile.remove();
    expect(grace.getPublication('camera')?.track.attached.size).toBe(0);
    expect(room.listenerCount).toBe(0);
  });

  it('follows its element to another participant', async () => {
    grace.set('camera', true);
    const alan = room.enter('p2', 'Alan Turing').set('camera', true);
    const tile = await show(grace);
    tile.participant = asParticipant(alan);
    await settle(tile);
    expect(grace.getPublication('camera')?.track.attached.size).toBe(0);
    expect(alan.getPublication('camera')?.track.attached.size).toBe(1);
  });

  it('mirrors our own camera, and nobody else’s', async () => {
    const own = await show(room.localParticipant.set('camera', true));
    expect(find(own, 'video').className).toContain('mirrored');
    expect(words(find(own, '.name'))).toBe('Ada Lovelace (you)');
    const other = await show(grace.set('camera', true));
    expect(find(other, 'video').className).not.toContain('mirrored');
  });

  it('rings while somebody speaks with the microphone on', async () => {
    grace.set('microphone', true).isSpeaking = true;
    const tile = await show(grace);
    expect(tile.dataset['speaking']).toBe('true');
    grace.set('microphone', false);
    room.tell('trackMuted', {} as never, grace as never);
    await settle(tile);
    expect(tile.dataset['speaking']).toBe('false');
  });

  it('names a screen by its owner', async () => {
    grace.set('screen_share', true);
    const tile = await show(grace, { picture: 'screen_share' });
    expect(words(find(tile, '.caption'))).toBe('Grace Hopper’s screen');
    expect(grace.getPublication('screen_share')?.track.attached.size).toBe(1);
  });

  it('asks to be shown large', async () => {
    const tile = await show(grace, { pinnable: true });
    let asked = 0;
    tile.addEventListener('oriel-pin', () => (asked += 1));
    const button = find<HTMLButtonElement>(tile, 'button');
    expect(button.getAttribute('aria-pressed')).toBe('false');
    button.click();
    expect(asked).toBe(1);
  });
});
