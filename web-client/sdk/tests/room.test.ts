/** The whole SDK against a server on a real socket; only media and time are played. */

import { expect, test } from 'vitest';
import { OrielError, type RoomEvents } from '../src/index.ts';
import { eventually } from './fakes/eventually.ts';
import { joined, participant, refusal } from './fakes/server.ts';
import { happened as happens, setStage } from './fakes/stage.ts';
import { FakePeerConnection, FakeTrack } from './fakes/webrtc.ts';

const stage = setStage();

const happened = (name: keyof RoomEvents): Promise<void> => happens(stage, name);

test('joins, tells who is there, and offers the first slots', async () => {
  const { server, room } = stage;
  server.others = [participant('PA_a')];
  await room.connect(server.url, 'token');
  expect(room.state).toBe('connected');
  expect([room.name, room.id, room.localParticipant.id]).toEqual(['stand-up', 'RM_1', 'PA_1']);
  expect([...room.remoteParticipants.keys()]).toEqual(['PA_a']);
  expect(stage.told).toEqual(['participantConnected', 'connected']);
  await eventually(() => expect(server.types()).toContain('offer'));
  expect(FakePeerConnection.newest.transceivers).toHaveLength(8);
  expect(FakePeerConnection.newest.channels.map(({ label }) => label)).toEqual(['reliable', 'lossy']);
});

test('a refused join leaves the room object as it was', async () => {
  const { server, room } = stage;
  server.handler = () => refusal('unauthorized');
  await expect(room.connect(server.url, 'old')).rejects.toMatchObject({ code: 'unauthorized' });
  expect(room.state).toBe('disconnected');
  expect(stage.told).toEqual([]);
  server.handler = () => undefined;
  await room.connect(server.url, 'new');
  await expect(room.connect(server.url, 'new')).rejects.toMatchObject({ code: 'already_connected' });
});

test('publishing stands right behind its offer, without waiting for the answer', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  await eventually(() => expect(FakePeerConnection.newest.calls).toContain('setRemoteDescription'));
  server.handler = (request) => (request.type === 'offer' ? {} : undefined);
  void room.localParticipant.setMicrophoneEnabled(true).catch(() => {});
  await eventually(() => expect(server.types()).toContain('publish'));
  expect(server.types()).toEqual(['join', 'offer', 'offer', 'publish']);
});

test('microphone: muting is stage.told and keeps the device, unmuting uses it again', async () => {
  const { server, room, devices } = stage;
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setMicrophoneEnabled(true);
  expect(us.isMicrophoneEnabled).toBe(true);
  await us.setMicrophoneEnabled(false);
  expect(us.isMicrophoneEnabled).toBe(false);
  expect([devices[0]!.enabled, devices[0]!.readyState]).toEqual([false, 'live']);
  await us.setMicrophoneEnabled(true);
  expect(devices).toHaveLength(1);
  expect(devices[0]!.enabled).toBe(true);
  expect(server.requests.filter(({ type }) => type === 'mute')).toEqual([
    { type: 'mute', track: 'TR_1', muted: true },
    { type: 'mute', track: 'TR_1', muted: false },
  ]);
  expect(stage.told.slice(1)).toEqual(['localTrackPublished', 'trackMuted', 'trackUnmuted']);
});

test('camera: muting switches the device off, unmuting opens it again on the same m-line', async () => {
  const { server, room, devices } = stage;
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setCameraEnabled(true);
  const { sender } = FakePeerConnection.newest.transceivers.find(({ direction }) => direction === 'sendonly')!;
  expect(sender.track).toBe(devices[0]);
  await us.setCameraEnabled(false);
  expect(devices[0]!.readyState).toBe('ended');
  expect(sender.track).toBeNull();
  await us.setCameraEnabled(true);
  expect(sender.track).toBe(devices[1]);
  expect(us.getPublication('camera')!.track.mediaStreamTrack).toBe(devices[1]);
  expect(server.types().filter((type) => type === 'publish')).toHaveLength(1);
});

test('a camera that is just being opened when the room is left does not stay open', async () => {
  const { server, room, devices } = stage;
  await room.connect(server.url, 'token');
  await room.localParticipant.setCameraEnabled(true);
  await room.localParticipant.setCameraEnabled(false);
  let allow = (): void => {};
  stage.permission = new Promise((resolve) => (allow = resolve));
  const opening = room.localParticipant.setCameraEnabled(true);
  const failing = expect(opening).rejects.toBeInstanceOf(OrielError);
  await eventually(() => expect(devices).toHaveLength(2));
  await room.disconnect();
  allow();
  await failing;
  expect(devices.map(({ readyState }) => readyState)).toEqual(['ended', 'ended']);
});

test('silence does not wait for the server’s consent, sound does', async () => {
  const { server, room, devices } = stage;
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setMicrophoneEnabled(true);
  server.handler = (request) => (request.type === 'mute' ? refusal('busy', true) : undefined);
  await expect(us.setMicrophoneEnabled(false)).rejects.toMatchObject({ code: 'busy' });
  expect([devices[0]!.enabled, us.isMicrophoneEnabled]).toEqual([false, false]);
  await expect(us.setMicrophoneEnabled(true)).rejects.toMatchObject({ code: 'busy' });
  expect([devices[0]!.enabled, us.isMicrophoneEnabled]).toEqual([false, false]);
});

test('of quick calls the last one wins', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await Promise.all([us.setCameraEnabled(true), us.setCameraEnabled(false), us.setCameraEnabled(true)]);
  expect(us.isCameraEnabled).toBe(true);
  expect(us.publications).toHaveLength(1);
});

test('a track of the page’s own is muted but never stopped', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  const canvas = new FakeTrack('video');
  const us = room.localParticipant;
  const publication = await us.publishTrack(canvas as unknown as MediaStreamTrack, { source: 'camera', name: 'test' });
  await publication.mute();
  expect([canvas.enabled, canvas.readyState]).toEqual([false, 'live']);
  await us.unpublishTrack(canvas as unknown as MediaStreamTrack);
  expect(canvas.readyState).toBe('live');
  expect(server.requests.at(-1)).toEqual({ type: 'unpublish', track: 'TR_1' });
  expect(us.publications).toEqual([]);
});

test('a shared screen has a picture and a sound, and ends with the browser’s own button', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  const screen = await us.setScreenShareEnabled(true, { audio: true });
  expect(us.publications.map(({ source }) => source).sort()).toEqual(['screen_share', 'screen_share_audio']);
  (screen!.track.mediaStreamTrack as unknown as FakeTrack).end();
  await eventually(() => expect(us.publications).toEqual([]));
});

test('a device that is pulled out mutes its publication and is told', async () => {
  const { server, room, devices } = stage;
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setMicrophoneEnabled(true);
  devices[0]!.end();
  await happened('mediaDevicesError');
  await eventually(() => expect(us.isMicrophoneEnabled).toBe(false));
  await us.setMicrophoneEnabled(true);
  expect(devices).toHaveLength(2);
});

test('a source that the token does not allow is refused before its device is opened', async () => {
  const { server, room, devices } = stage;
  server.handler = (request) => {
    if (request.type !== 'join') return undefined;
    const reply = joined('PA_1');
    return { ok: { ...reply, grants: { ...reply.grants, can_publish: ['microphone'] } } };
  };
  await room.connect(server.url, 'token');
  await expect(room.localParticipant.setCameraEnabled(true)).rejects.toMatchObject({ code: 'forbidden' });
  expect(devices).toEqual([]);
});

test('nothing can be published outside of a room', async () => {
  const { room, devices } = stage;
  await expect(room.localParticipant.setMicrophoneEnabled(true)).rejects.toMatchObject({ code: 'not_connected' });
  expect(devices).toEqual([]);
});

test('the pool grows once when it is asked for twice', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  await eventually(() => expect(FakePeerConnection.newest.calls).toContain('setRemoteDescription'));
  server.newest.tell({ type: 'slots.needed', audio: 1, video: 0 });
  server.newest.tell({ type: 'slots.needed', audio: 2, video: 6 });
  await eventually(() => expect(server.types().filter((type) => type === 'offer').length).toBeGreaterThan(1));
  const { transceivers } = FakePeerConnection.newest;
  expect(transceivers.length).toBeGreaterThanOrEqual(20);
  expect(transceivers.length).toBeLessThanOrEqual(28);
});

test('our own message is there once, though it comes twice', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  const heard: string[] = [];
  room.on('chatMessage', ({ text }) => heard.push(text));
  const message = await room.sendChat('hello');
  server.newest.tell({ type: 'chat.posted', message });
  server.newest.tell({ type: 'chat.posted', message: { ...message, id: 'CH_2', text: 'hi' } });
  await eventually(() => expect(heard).toEqual(['hello', 'hi']));
  expect(room.chat.map(({ text }) => text)).toEqual(['hello', 'hi']);
  await expect(room.sendChat('ä'.repeat(5_000))).rejects.toMatchObject({ code: 'too_large' });
});

test.each(['duplicate_identity', 'room_ended', 'removed'] as const)('after %s nobody tries again', async (reason) => {
  const { server, room, devices } = stage;
  await room.connect(server.url, 'token');
  const reasons: string[] = [];
  room.on('disconnected', (why) => reasons.push(why));
  await room.localParticipant.setCameraEnabled(true);
  server.newest.tell({ type: 'disconnected', reason });
  server.newest.socket.close(1000);
  await happened('disconnected');
  expect(reasons).toEqual([reason]);
  expect(devices[0]!.readyState).toBe('ended');
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(server.connections).toHaveLength(1);
});

test('a server that is stopping is waited for', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  server.newest.tell({ type: 'disconnected', reason: 'server_stopping' });
  server.newest.socket.close(1001);
  await happened('reconnected');
  expect(server.connections).toHaveLength(2);
});

test('leaving says so, ends everything and can be followed by joining', async () => {
  const { server, room, devices } = stage;
  server.others = [participant('PA_a')];
  await room.connect(server.url, 'token');
  await room.localParticipant.setMicrophoneEnabled(true);
  await room.disconnect();
  expect(server.types().at(-1)).toBe('leave');
  expect(devices[0]!.readyState).toBe('ended');
  expect(room.remoteParticipants.size).toBe(0);
  expect(stage.told.slice(-3)).toEqual(['participantDisconnected', 'localTrackUnpublished', 'disconnected']);
  await room.connect(server.url, 'token');
  expect(room.state).toBe('connected');
});

test('an attempt to join can be given up', async () => {
  const { server, room } = stage;
  server.handler = () => ({});
  const connecting = room.connect(server.url, 'token');
  await eventually(() => expect(server.requests).toHaveLength(1));
  await room.disconnect();
  await expect(connecting).rejects.toMatchObject({ code: 'aborted' });
  expect(room.state).toBe('disconnected');
  expect(stage.told).toEqual([]);
});
