import { beforeEach, describe, expect, it } from 'vitest';
import { FakeRoom, FakeTrack } from '../testing/fake-room.ts';
import { findAll, mount, settle } from '../testing/mount.ts';
import './audio.ts';
import type { AudioElement } from './audio.element.ts';

describe('oriel-audio', () => {
  let room: FakeRoom;
  let audio: AudioElement;

  beforeEach(async () => {
    room = new FakeRoom();
    room.localParticipant.set('microphone', true);
    audio = await mount(document.createElement('oriel-audio'), { room: room.asRoom });
  });

  const owners = () => findAll(audio, '[data-testid="remote-audio"]').map((element) => element.dataset['participant']);

  it('plays every sound of the others once, and not our own', async () => {
    const grace = room.enter('p1', 'Grace').set('microphone', true).set('screen_share_audio', true).set('camera', true);
    room.enter('p2', 'Alan').set('microphone', true);
    await settle(audio);
    expect(owners()).toEqual(['p1', 'p1', 'p2']);
    expect(grace.getPublication('microphone')?.track.attached.size).toBe(1);
    expect(grace.getPublication('screen_share_audio')?.track.attached.size).toBe(1);
    expect(room.localParticipant.getPublication('microphone')?.track.attached.size).toBe(0);
  });

  it('goes silent with who leaves', async () => {
    const grace = room.enter('p1', 'Grace').set('microphone', true);
    await settle(audio);
    room.exit('p1');
    await settle(audio);
    expect(owners()).toEqual([]);
    expect(grace.getPublication('microphone')?.track.attached.size).toBe(0);
  });

  it('follows a publication to another track', async () => {
    const grace = room.enter('p1', 'Grace').set('microphone', true);
    await settle(audio);
    const publication = grace.getPublication('microphone');
    const before = publication?.track;
    const after = new FakeTrack('microphone');
    if (publication !== undefined) publication.track = after;
    room.tell('trackSubscribed', {} as never, {} as never, grace as never);
    await settle(audio);
    expect(before?.attached.size).toBe(0);
    expect(after.attached.size).toBe(1);
  });
});
