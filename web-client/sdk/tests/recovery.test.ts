/** What the room, and whoever uses it, sees of connections that are lost. */

import { expect, test, vi } from 'vitest';
import type { OrielError, RoomEvents } from '../src/index.ts';
import type { TrackInfo } from '../src/protocol.gen.ts';
import { eventually } from './fakes/eventually.ts';
import { joined, participant, refusal } from './fakes/server.ts';
import { happened as happens, setStage } from './fakes/stage.ts';
import { FakePeerConnection } from './fakes/webrtc.ts';

const stage = setStage();

const happened = (name: keyof RoomEvents): Promise<void> => happens(stage, name);

const picture: TrackInfo = { id: 'TR_a', kind: 'video', source: 'camera', name: '', muted: false };

/** The server has forgotten everybody. */
const forget = (): void => {
  const before = stage.server.handler;
  stage.server.handler = (request, connection) =>
    request.type === 'resume' ? refusal('not_found') : before(request, connection);
};

const answered = (): Promise<void> =>
  eventually(() => expect(FakePeerConnection.newest.calls).toContain('setRemoteDescription'));

test('a lost socket is opened again: the same participant, the same media', async () => {
  const { server, room } = stage;
  server.others = [participant('PA_a', { tracks: [picture] })];
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setMicrophoneEnabled(true);
  server.tell({ type: 'subscription.bound', participant: 'PA_a', track: 'TR_a', mid: '1', bind: 1 });
  await happened('trackSubscribed');
  const [microphone] = us.publications;
  const flowing = room.remoteParticipants.get('PA_a')!.publications[0]!.track;
  stage.told = [];
  server.newest.socket.terminate();
  await happened('reconnecting');
  expect(room.state).toBe('reconnecting');
  await happened('reconnected');
  expect([us.id, microphone!.id]).toEqual(['PA_1', 'TR_1']);
  expect(room.remoteParticipants.get('PA_a')!.publications[0]!.track).toBe(flowing);
  expect(stage.told).toEqual(['reconnecting', 'reconnected']);
  expect(FakePeerConnection.made).toHaveLength(1);
  expect(server.requests.at(-1)).toEqual({
    type: 'resume',
    room: 'stand-up',
    secret: 'secret of PA_1',
    cursor: `E_1.${server.journal.length}`,
  });
});

test('what happened meanwhile is told once, in order, and nothing twice', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  const names: string[] = [];
  room.on('participantConnected', ({ name }) => names.push(name));
  server.tell({ type: 'participant.joined', participant: participant('PA_x') });
  await eventually(() => expect(names).toEqual(['PA_x']));
  server.newest.socket.terminate();
  server.tell({ type: 'participant.joined', participant: participant('PA_y') });
  server.tell({ type: 'participant.left', participant: 'PA_x', reason: 'left' });
  await happened('reconnected');
  await eventually(() => expect([...room.remoteParticipants.keys()]).toEqual(['PA_y']));
  // The very same events once more, as from a socket that was slow to die.
  for (const frame of server.journal) server.newest.socket.send(JSON.stringify(frame));
  server.tell({ type: 'participant.joined', participant: participant('PA_z') });
  await eventually(() => expect(names).toContain('PA_z'));
  expect(names).toEqual(['PA_x', 'PA_y', 'PA_z']);
});

test('a request that was done before its answer got lost is not done twice', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  await answered();
  server.handler = (request, connection) => {
    if (request.type !== 'chat') return undefined;
    // Done, and the answer is lost with the socket.
    setTimeout(() => connection.socket.terminate());
    server.handler = () => undefined;
    const message = { id: 'CH_7', participant: 'PA_1', name: 'PA_1', text: request.text, at: 1 };
    connection.socket.send = () => {};
    return { ok: { message } };
  };
  expect((await room.sendChat('once')).id).toBe('CH_7');
  expect(server.types().filter((type) => type === 'chat')).toHaveLength(1);
  expect(room.chat.map(({ id }) => id)).toEqual(['CH_7']);
});

test('a request that never arrived is made on the next connection', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  server.handler = (request, connection) => {
    if (request.type === 'chat') connection.socket.terminate();
    server.handler = () => undefined;
    return {};
  };
  expect((await room.sendChat('still there?')).text).toBe('still there?');
  expect(room.state).toBe('connected');
});

test('an offer that waits for its answer survives', async () => {
  const { server, room } = stage;
  server.handler = (request) => (request.type === 'offer' ? {} : undefined);
  await room.connect(server.url, 'token');
  await eventually(() => expect(server.types()).toContain('offer'));
  server.handler = () => undefined;
  server.newest.socket.terminate();
  await happened('reconnected');
  await answered();
  expect(server.types().filter((type) => type === 'offer')).toHaveLength(2);
});

test('what is asked during an interruption waits for its end', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setCameraEnabled(true);
  server.newest.socket.terminate();
  await happened('reconnecting');
  const muting = us.setCameraEnabled(false);
  const chat = room.sendChat('hello?');
  await eventually(() => expect(stage.devices[0]!.readyState).toBe('ended'));
  await Promise.all([muting, chat]);
  expect(room.state).toBe('connected');
  expect(server.requests.filter(({ type }) => type === 'mute')).toEqual([{ type: 'mute', track: 'TR_1', muted: true }]);
});

test('a gap becomes a difference: nobody flickers, what flows goes on, our tracks are known', async () => {
  const { server, room } = stage;
  server.others = [participant('PA_a', { tracks: [picture] }), participant('PA_b')];
  await room.connect(server.url, 'token');
  await room.localParticipant.setMicrophoneEnabled(true);
  server.tell({ type: 'subscription.bound', participant: 'PA_a', track: 'TR_a', mid: '1', bind: 1 });
  await happened('trackSubscribed');
  stage.told = [];
  const said: string[] = [];
  room.on('chatMessage', ({ text }) => said.push(text));
  const tracks: TrackInfo[] = [{ id: 'TR_1', kind: 'audio', source: 'microphone', name: '', muted: true }];
  server.newest.tell({
    type: 'gap',
    after: 1,
    to: 400,
    snapshot: {
      ...joined('PA_1', [participant('PA_a', { tracks: [picture] }), participant('PA_c')]),
      participant: participant('PA_1', { tracks, role: 'moderator' }),
      bindings: [{ participant: 'PA_a', track: 'TR_a', mid: '1', bind: 1 }],
      chat: [{ id: 'CH_9', participant: 'PA_b', name: 'Ben', text: 'bye', at: 1 }],
      cursor: 'E_2.400',
    },
  });
  await happened('participantConnected');
  expect(stage.told).toEqual([
    'trackMuted', 'participantDisconnected', 'participantConnected', 'grantsChanged', 'roomUpdated', 'lobbyChanged',
  ]); // prettier-ignore
  expect(said).toEqual(['bye']);
  expect([room.localParticipant.isModerator, room.localParticipant.isMicrophoneEnabled]).toEqual([true, false]);
  expect(stage.devices[0]!.enabled).toBe(false);
  expect(FakePeerConnection.made).toHaveLength(1);
  // From here on the other journal counts.
  server.newest.socket.terminate();
  await happened('reconnected');
  expect(server.requests.at(-1)).toMatchObject({ type: 'resume', cursor: 'E_2.400' });
});

test('after a gap without our tracks they are published anew', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  const publication = await room.localParticipant.setMicrophoneEnabled(true);
  server.newest.tell({ type: 'gap', after: 0, to: 9, snapshot: { ...joined('PA_1'), cursor: 'E_1.9' } });
  await eventually(() => expect(publication!.id).toBe('TR_2'));
  expect(FakePeerConnection.made).toHaveLength(2);
  expect(room.localParticipant.id).toBe('PA_1');
});

test('media that failed for good gets another peer connection, in the same participation', async () => {
  const { server, room } = stage;
  server.others = [participant('PA_a', { tracks: [picture] })];
  await room.connect(server.url, 'token');
  const publication = await room.localParticipant.setMicrophoneEnabled(true);
  server.tell({ type: 'subscription.bound', participant: 'PA_a', track: 'TR_a', mid: '1', bind: 1 });
  await happened('trackSubscribed');
  stage.told = [];
  server.tell({ type: 'track.unpublished', participant: 'PA_1', track: publication!.id });
  server.tell({ type: 'media.failed', reason: 'consent ended' });
  await eventually(() => expect(publication!.id).toBe('TR_2'));
  expect(room.localParticipant.publications).toEqual([publication]);
  expect(room.localParticipant.id).toBe('PA_1');
  expect(room.state).toBe('reconnecting');
  expect(FakePeerConnection.made[0]!.signalingState).toBe('closed');
  FakePeerConnection.newest.become('connected');
  await happened('reconnected');
  expect(stage.told).toEqual(['reconnecting', 'trackUnsubscribed', 'reconnected']);
  expect(server.connections).toHaveLength(1);
});

test('a path that is lost is looked for anew by an offer on the same peer connection', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  await answered();
  const pc = FakePeerConnection.newest;
  pc.become('connected');
  pc.become('failed');
  await happened('reconnecting');
  await eventually(() => expect(pc.calls).toContain('createOffer restart'));
  // The signaling connection is looked at, too.
  await eventually(() => expect(server.types()).toContain('ping'));
  pc.become('connected');
  await happened('reconnected');
  expect(FakePeerConnection.made).toHaveLength(1);
  expect(server.connections).toHaveLength(1);
});

test('who is no longer known joins anew: the same room object, the same tracks, new ids', async () => {
  const { server, room } = stage;
  server.others = [participant('PA_a')];
  await room.connect(server.url, 'token');
  const us = room.localParticipant;
  await us.setMicrophoneEnabled(true);
  await us.setCameraEnabled(true);
  await us.setCameraEnabled(false);
  const [microphone, camera] = us.publications;
  stage.told = [];
  forget();
  server.newest.socket.terminate();
  await happened('reconnecting');
  const chat = room.sendChat('still there?');
  await happened('reconnected');
  expect(us.id).toBe('PA_2');
  expect((await chat).text).toBe('still there?');
  await eventually(() => expect(microphone!.id).toBe('TR_3'));
  expect(us.publications).toEqual([microphone, camera]);
  const again = server.requests.filter(({ type }) => type === 'publish').slice(2);
  expect(again.map((request) => 'source' in request && [request.source, request.muted])).toEqual([
    ['microphone', false],
    ['camera', true],
  ]);
  expect(stage.told).toEqual(['reconnecting', 'reconnected']);
  // One offer has the slots and everything that was published before.
  const types = server.types();
  const media = types.slice(types.lastIndexOf('join')).filter((type) => type !== 'chat');
  expect(media).toEqual(['join', 'offer', 'publish', 'publish']);
  expect(FakePeerConnection.made.map(({ signalingState }) => signalingState === 'closed')).toEqual([true, false]);
});

test('a token that has expired ends the attempts and says so', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  server.handler = (request) => (request.type === 'join' ? refusal('unauthorized') : undefined);
  forget();
  const errors: OrielError[] = [];
  room.on('error', (error) => errors.push(error));
  server.newest.socket.terminate();
  await happened('disconnected');
  expect(errors.map(({ code }) => code)).toEqual(['unauthorized']);
  expect(room.state).toBe('disconnected');
});

test('a guest whose token is no longer taken asks for another one', async () => {
  const { server, room } = stage;
  let asked = 0;
  vi.stubGlobal('fetch', () => {
    asked += 1;
    return Promise.resolve(new Response(JSON.stringify({ url: server.url, token: `token ${asked}` })));
  });
  await room.join({ server: 'http://127.0.0.1', room: 'stand-up', name: 'Ada' });
  server.handler = (request) =>
    request.type === 'join' && request.token === 'token 1' ? refusal('unauthorized') : undefined;
  forget();
  server.newest.socket.terminate();
  await happened('reconnected');
  expect(asked).toBe(2);
});

test('leaving during an interruption ends it', async () => {
  const { server, room } = stage;
  await room.connect(server.url, 'token');
  server.handler = () => ({});
  server.newest.socket.terminate();
  await happened('reconnecting');
  const chat = expect(room.sendChat('hello?')).rejects.toMatchObject({ code: 'not_connected' });
  await room.disconnect();
  await chat;
  expect(stage.told.at(-1)).toBe('disconnected');
});

test('ICE servers that are an hour old are asked for again before a path is looked for', async () => {
  const { server, room } = stage;
  const clock = vi.spyOn(performance, 'now');
  await room.connect(server.url, 'token', { iceTransportPolicy: 'relay' });
  await answered();
  const pc = FakePeerConnection.newest;
  expect(pc.getConfiguration()).toMatchObject({ iceServers: [], iceTransportPolicy: 'relay' });
  const restarts = (): number => pc.calls.filter((call) => call === 'createOffer restart').length;

  // Young ones are good enough.
  pc.become('connected');
  pc.become('failed');
  await eventually(() => expect(restarts()).toBe(1));
  expect(server.types()).not.toContain('ice_servers');

  pc.become('connected');
  const hour = performance.now() + 3_600_000;
  clock.mockImplementation(() => hour);
  pc.become('failed');
  await eventually(() => expect(restarts()).toBe(2));
  expect(server.types().slice(-2)).toEqual(['ice_servers', 'offer']);
  const fresh = [{ urls: ['turn:turn.example'], username: 'fresh', credential: 'secret' }];
  expect(pc.getConfiguration()).toMatchObject({ iceServers: fresh, iceTransportPolicy: 'relay' });

  // A new peer connection has them as well, and they are not asked for twice.
  server.newest.tell({ type: 'media.failed', reason: 'timeout' });
  await eventually(() => expect(FakePeerConnection.made).toHaveLength(2));
  expect(FakePeerConnection.newest.getConfiguration()).toMatchObject({ iceServers: fresh, iceTransportPolicy: 'relay' });
  expect(server.types().filter((type) => type === 'ice_servers')).toHaveLength(1);
  clock.mockRestore();
});

test('a path is looked for with old ICE servers where there are no others', async () => {
  const { server, room } = stage;
  server.handler = (request) => (request.type === 'ice_servers' ? refusal('bad_request') : undefined);
  await room.connect(server.url, 'token');
  await answered();
  const pc = FakePeerConnection.newest;
  pc.become('connected');
  const hour = performance.now() + 3_600_000;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => hour);
  pc.become('failed');
  await eventually(() => expect(pc.calls).toContain('createOffer restart'));
  expect(server.types()).toContain('ice_servers');
  clock.mockRestore();
});
