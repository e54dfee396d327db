/** Lobby, password, moderators and what they do to us, as the room tells it. */

import { expect, test } from 'vitest';
import { OrielError, type RoomEvents } from '../src/index.ts';
import type { Joined, TrackInfo } from '../src/protocol.gen.ts';
import { eventually } from './fakes/eventually.ts';
import { joined, participant, refusal } from './fakes/server.ts';
import { happened as happens, setStage } from './fakes/stage.ts';
import { FakePeerConnection } from './fakes/webrtc.ts';

const stage = setStage();

const happened = (name: keyof RoomEvents): Promise<void> => happens(stage, name);

/** Whoever joins waits. */
function openLobby(): void {
  stage.server.handler = (request) => (request.type === 'join' ? { ok: { waiting: 'PA_w' } } : undefined);
}

const admitted = (): Joined => ({ ...joined('PA_w', [participant('PA_a')]), cursor: 'E_1.7' });

test('who has to wait is told, and comes in when let in', async () => {
  const { server, room } = stage;
  openLobby();
  let inside = false;
  const connecting = room.connect(server.url, 'token').then(() => (inside = true));
  await happened('waiting');
  expect([room.state, inside]).toEqual(['waiting', false]);
  await expect(room.sendChat('hello?')).rejects.toMatchObject({ code: 'not_connected' });
  server.newest.tell({ type: 'lobby.admitted', joined: admitted() });
  await connecting;
  expect([room.state, room.localParticipant.id]).toEqual(['connected', 'PA_w']);
  expect(stage.told).toEqual(['waiting', 'participantConnected', 'connected']);
  await eventually(() => expect(server.types()).toContain('offer'));
  // The way back is that of the room.
  server.newest.socket.terminate();
  await happened('reconnected');
  expect(server.requests.at(-1)).toMatchObject({ type: 'resume', secret: 'secret of PA_w', cursor: 'E_1.7' });
});

test('who is sent away from the lobby is told so', async () => {
  const { server, room } = stage;
  openLobby();
  const connecting = room.connect(server.url, 'token');
  const denied = expect(connecting).rejects.toMatchObject({ code: 'denied', retryable: false });
  await happened('waiting');
  server.newest.tell({ type: 'disconnected', reason: 'removed' });
  server.newest.socket.close(4403);
  await denied;
  expect(room.state).toBe('disconnected');
  expect(stage.told).toEqual(['waiting']);
});

test('a connection that is lost in the lobby waits on by another', async () => {
  const { server, room } = stage;
  openLobby();
  const connecting = room.connect(server.url, 'token');
  await happened('waiting');
  server.newest.socket.terminate();
  await eventually(() => expect(server.types().filter((type) => type === 'join')).toHaveLength(2));
  expect(room.state).toBe('waiting');
  await eventually(() => expect(server.connections).toHaveLength(2));
  server.newest.tell({ type: 'lobby.admitted', joined: admitted() });
  await connecting;
  expect(stage.told.filter((name) => name === 'connected')).toHaveLength(1);
});

test('who was let in meanwhile comes in by joining again', async () => {
  const { server, room } = stage;
  openLobby();
  const connecting = room.connect(server.url, 'token');
  await happened('waiting');
  server.handler = () => undefined;
  server.newest.socket.terminate();
  await connecting;
  expect(room.state).toBe('connected');
});

test('the wait can be given up', async () => {
  const { server, room } = stage;
  openLobby();
  const connecting = room.connect(server.url, 'token');
  const given = expect(connecting).rejects.toMatchObject({ code: 'aborted' });
  await happened('waiting');
  await room.disconnect();
  await given;
  expect(stage.told).toEqual(['waiting']);
  expect(server.types()).toContain('leave');
});

test('a password is asked for, told at the join, and remembered for the next', async () => {
  const { server, room } = stage;
  server.handler = (request) =>
    request.type === 'join' && request.password !== 'sesame' ? refusal('password_required') : undefined;
  await expect(room.connect(server.url, 'token')).rejects.toMatchObject({ code: 'password_required' });
  await room.connect(server.url, 'token', { password: 'sesame', autoSubscribe: false });
  const before = server.handler;
  server.handler = (request, connection) =>
    request.type === 'resume' ? refusal('not_found') : before(request, connection);
  server.newest.socket.terminate();
  await happened('reconnected');
  const again = { type: 'join', token: 'token', password: 'sesame', auto_subscribe: false };
  expect(server.requests.filter(({ type }) => type === 'join').slice(1)).toEqual([again, again]);
});

test('a moderator who mutes us makes us silent, and says who it was', async () => {
  const { server, room } = stage;
  server.others = [participant('PA_m', { role: 'moderator' })];
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setMicrophoneEnabled(true);
  await us.setCameraEnabled(true);
  const by: (string | undefined)[] = [];
  room.on('trackMuted', (_publication, _participant, moderator) => by.push(moderator?.id));
  for (const { id } of us.publications) server.tell({ type: 'track.muted', participant: us.id, track: id, by: 'PA_m' });
  await eventually(() => expect(by).toEqual(['PA_m', 'PA_m']));
  expect([us.isMicrophoneEnabled, us.isCameraEnabled]).toEqual([false, false]);
  expect(stage.devices.map(({ enabled }) => enabled)).toEqual([false, false]);
  await eventually(() => expect(stage.devices[1]!.readyState).toBe('ended'));
  await us.setMicrophoneEnabled(true);
  expect([us.isMicrophoneEnabled, stage.devices[0]!.enabled]).toEqual([true, true]);
});

test('our own muting that comes back late changes nothing', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setMicrophoneEnabled(true);
  server.tell({ type: 'track.muted', participant: us.id, track: us.publications[0]!.id });
  server.tell({ type: 'hand.raised', participant: us.id, hand: 1 });
  await happened('handRaised');
  expect(us.isMicrophoneEnabled).toBe(true);
});

test('asked to unmute: it is ours to do', async () => {
  const { server, room } = stage;
  server.others = [participant('PA_m')];
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setMicrophoneEnabled(true);
  await us.setMicrophoneEnabled(false);
  const asked: unknown[] = [];
  room.on('unmuteAsked', (publication, by) => asked.push([publication.source, by?.id]));
  server.tell({ type: 'unmute.asked', track: us.publications[0]!.id, by: 'PA_m' });
  await eventually(() => expect(asked).toEqual([['microphone', 'PA_m']]));
  expect(us.isMicrophoneEnabled).toBe(false);
});

test('what is no longer allowed ends', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setMicrophoneEnabled(true);
  await us.setCameraEnabled(true);
  const camera = us.getPublication('camera')!;
  const { grants } = joined('PA_1');
  server.tell({ type: 'track.unpublished', participant: us.id, track: camera.id });
  server.tell({ type: 'grants.changed', grants: { ...grants, can_publish: ['microphone'], can_publish_data: false } });
  await happened('grantsChanged');
  expect(us.publications.map(({ source }) => source)).toEqual(['microphone']);
  expect(stage.devices[1]!.readyState).toBe('ended');
  expect([us.canChat, us.canPublish]).toEqual([false, ['microphone']]);
  await expect(us.setCameraEnabled(true)).rejects.toMatchObject({ code: 'forbidden' });
  expect(server.types()).not.toContain('unpublish');
});

test('moved to another room: the same object, other people, our tracks again', async () => {
  const { server, room } = stage;
  server.others = [participant('PA_a')];
  await room.connect(server.url, 'token');
  const publication = await room.localParticipant.setMicrophoneEnabled(true);
  await room.sendChat('before');
  stage.told = [];
  const there = joined('PA_9', [participant('PA_z')]);
  const moved: string[] = [];
  room.on('moved', (name) => moved.push(name));
  server.newest.tell({
    type: 'moved',
    joined: { ...there, room: { ...there.room, id: 'RM_2', name: 'stand-up.blue' }, cursor: 'F_2.3' },
  });
  await eventually(() => expect(publication!.id).toBe('TR_2'));
  expect(moved).toEqual(['stand-up.blue']);
  expect([room.name, room.state, room.localParticipant.id, room.chat]).toEqual(['stand-up.blue', 'connected', 'PA_9', []]);
  expect([...room.remoteParticipants.keys()]).toEqual(['PA_z']);
  expect(stage.told).toEqual(['participantDisconnected', 'participantConnected', 'moved']);
  expect(server.connections).toHaveLength(1);
  expect(FakePeerConnection.made.map(({ signalingState }) => signalingState === 'closed')).toEqual([true, false]);
  server.newest.socket.terminate();
  await happened('reconnected');
  expect(server.requests.at(-1)).toMatchObject({ room: 'stand-up.blue', secret: 'secret of PA_9', cursor: 'F_2.3' });
});

test('what was asked in the room that we left is answered by nobody', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  server.handler = (request) => (request.type === 'chat' ? {} : undefined);
  const chat = expect(room.sendChat('hello')).rejects.toBeInstanceOf(OrielError);
  await eventually(() => expect(server.types()).toContain('chat'));
  server.newest.tell({ type: 'moved', joined: joined('PA_9') });
  await chat;
});

test('the room tells how it is entered, who waits, and when it ends', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  const { room: info } = joined('PA_1');
  const waiting = [{ id: 'PA_w', identity: 'w', name: 'Will', since: 5 }];
  server.tell({ type: 'room.updated', room: { ...info, locked: true, lobby: true } });
  server.tell({ type: 'lobby.changed', waiting });
  server.tell({ type: 'server.draining', deadline: 99 });
  await happened('serverDraining');
  expect(room.info).toMatchObject({ locked: true, lobby: true, draining: 99 });
  expect(room.waiting).toEqual(waiting);
});

test('hands stand in the order in which they went up', async () => {
  const { server, room } = stage;
  server.others = [participant('PA_a', { hand: 3 }), participant('PA_b')];
  await room.connect(server.url, 'token');
  server.tell({ type: 'hand.raised', participant: 'PA_1', hand: 4 });
  server.tell({ type: 'hand.raised', participant: 'PA_b', hand: 5 });
  await eventually(() => expect(room.raisedHands.map(({ id }) => id)).toEqual(['PA_a', 'PA_1', 'PA_b']));
  await room.localParticipant.lowerHand();
  await room.localParticipant.raiseHand();
  expect(server.requests.slice(-2)).toEqual([{ type: 'hand', raised: false }, { type: 'hand', raised: true }]);
});

test('everything that a moderator can do is asked as the protocol says', async () => {
  const { server, room } = stage;
  const track: TrackInfo = { id: 'TR_a', kind: 'audio', source: 'microphone', name: '', muted: false };
  server.others = [participant('PA_a', { tracks: [track] })];
  await room.connect(server.url, 'token');
  await eventually(() => expect(FakePeerConnection.newest.calls).toContain('setRemoteDescription'));
  const { moderation } = room;
  const other = room.remoteParticipants.get('PA_a')!;
  const [publication] = other.publications;
  server.requests.length = 0;
  await moderation.mute(publication!);
  await moderation.askToUnmute(publication!);
  await moderation.lowerHand(other);
  await moderation.update(other, { name: 'Ann' });
  await moderation.setRole(other, 'moderator');
  await moderation.setGrants(other, { can_publish: [] });
  await moderation.move('PA_a', 'stand-up.blue');
  await moderation.setRoom({ locked: true, password: '' });
  await moderation.admit({ id: 'PA_w', identity: '', name: '', since: 0 });
  await moderation.deny('PA_w');
  await moderation.remove(other);
  await moderation.end();
  expect(server.requests).toEqual([
    { type: 'mute', track: 'TR_a', muted: true },
    { type: 'ask_to_unmute', track: 'TR_a' },
    { type: 'hand', raised: false, participant: 'PA_a' },
    { type: 'update', participant: 'PA_a', name: 'Ann' },
    { type: 'set_role', participant: 'PA_a', role: 'moderator' },
    { type: 'set_grants', participant: 'PA_a', can_publish: [] },
    { type: 'move', participant: 'PA_a', room: 'stand-up.blue' },
    { type: 'set_room', locked: true, password: '' },
    { type: 'admit', participant: 'PA_w' },
    { type: 'deny', participant: 'PA_w' },
    { type: 'remove', participant: 'PA_a' },
    { type: 'end' },
  ]);
});

test('history is there at the join without being news; what is written to some says so', async () => {
  const { server, room } = stage;
  const old = { id: 'CH_0', participant: 'PA_0', name: 'Gone', text: 'earlier', at: 1 };
  server.handler = (request) => (request.type === 'join' ? { ok: { ...joined('PA_1'), chat: [old] } } : undefined);
  const said: string[] = [];
  room.on('chatMessage', ({ text }) => said.push(text));
  await room.connect(server.url, 'token');
  expect([room.chat, said]).toEqual([[old], []]);
  await room.sendChat('psst', { to: ['PA_2'] });
  expect(server.requests).toContainEqual({ type: 'chat', text: 'psst', to: ['PA_2'] });
});

test('signals go to one and come from one', async () => {
  const { server, room } = stage;
  server.others = [participant('PA_a')];
  await room.connect(server.url, 'token');
  await room.signal(room.remoteParticipants.get('PA_a')!, 'offer');
  expect(server.requests).toContainEqual({ type: 'signal', to: 'PA_a', data: 'offer' });
  const heard: unknown[] = [];
  room.on('signalReceived', (data, from) => heard.push([data, from?.id]));
  server.tell({ type: 'signal.received', from: 'PA_a', data: 'answer' });
  await eventually(() => expect(heard).toEqual([['answer', 'PA_a']]));
});

test('tracks are asked for one by one, and the wish outlives a fresh join', async () => {
  const { server, room } = stage;
  const track: TrackInfo = { id: 'TR_a', kind: 'video', source: 'camera', name: '', muted: false };
  server.others = [participant('PA_a', { tracks: [track] })];
  await room.connect(server.url, 'token', { autoSubscribe: false });
  const publication = room.remoteParticipants.get('PA_a')!.publications[0]!;
  await publication.setSubscribed(true);
  server.handler = (request) => (request.type === 'resume' ? refusal('not_found') : undefined);
  server.newest.socket.terminate();
  await happened('reconnected');
  await eventually(() => {
    expect(server.requests.filter(({ type }) => type === 'subscribe')).toEqual([
      { type: 'subscribe', tracks: ['TR_a'] },
      { type: 'subscribe', tracks: ['TR_a'] },
    ]);
  });
  await publication.setSubscribed(false);
  expect(server.requests.at(-1)).toEqual({ type: 'unsubscribe', tracks: ['TR_a'] });
});
