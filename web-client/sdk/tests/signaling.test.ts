/** A place in a room without media: who is there, notes between them, and connections that are lost. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Signaling, type SignalingEvents } from '../src/index.ts';
import { eventually } from './fakes/eventually.ts';
import { FakeServer, participant, refusal } from './fakes/server.ts';

let server: FakeServer;
let signaling: Signaling | undefined;
let told: string[];

beforeEach(async () => {
  server = await FakeServer.start();
  vi.stubGlobal('WebSocket', WebSocket);
  const invitation = JSON.stringify({ url: server.url, token: 'guest' });
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(invitation)));
  server.others = [participant('PA_a')];
});
afterEach(async () => {
  signaling?.leave();
  signaling = undefined;
  await server.stop();
  vi.unstubAllGlobals();
});

async function join(): Promise<Signaling> {
  signaling = await Signaling.join({ server: 'http://rooms.example', room: 'stand-up', name: 'Ada' });
  told = [];
  for (const name of ['participantConnected', 'participantDisconnected', 'reconnecting', 'reconnected', 'disconnected'] as const) {
    signaling.on(name, (...[what]: SignalingEvents[typeof name]) => told.push(typeof what === 'object' ? `${name} ${what.id}` : name));
  }
  return signaling;
}

test('knows who is there, and who comes and goes', async () => {
  const { participants } = await join();
  expect([...participants.keys()]).toEqual(['PA_a']);
  server.tell({ type: 'participant.joined', participant: participant('PA_b') });
  server.tell({ type: 'participant.left', participant: 'PA_a', reason: 'left' });
  await eventually(() => expect(told).toEqual(['participantConnected PA_b', 'participantDisconnected PA_a']));
});

test('gives notes and gets them', async () => {
  const here = await join();
  await here.signal('PA_a', 'hello');
  expect(server.requests.at(-1)).toEqual({ type: 'signal', to: 'PA_a', data: 'hello' });
  const notes: string[] = [];
  here.on('signalReceived', (data, from) => notes.push(`${from}: ${data}`));
  server.tell({ type: 'signal.received', from: 'PA_a', data: 'hello yourself' });
  await eventually(() => expect(notes).toEqual(['PA_a: hello yourself']));
});

test('has ICE servers with fresh credentials, and those of before where the server does not answer', async () => {
  const here = await join();
  expect(await here.iceServers()).toMatchObject([{ username: 'fresh' }]);
  server.handler = ({ type }) => (type === 'ice_servers' ? refusal('internal') : undefined);
  expect(await here.iceServers()).toMatchObject([{ username: 'fresh' }]);
});

test('a lost socket is opened again as the same participant', async () => {
  await join();
  server.newest.socket.terminate();
  await eventually(() => expect(told).toEqual(['reconnecting', 'reconnected']));
  expect(server.requests.at(-1)).toMatchObject({ type: 'resume', secret: 'secret of PA_1' });
});

test('where the server has forgotten us, we join anew, and the difference is told', async () => {
  await join();
  server.handler = ({ type }) => (type === 'resume' ? refusal('not_found') : undefined);
  server.others = [participant('PA_b')];
  server.newest.socket.terminate();
  await eventually(() => expect(told).toEqual(['reconnecting', 'participantDisconnected PA_a', 'participantConnected PA_b', 'reconnected']));
});

test('gives up where it is not wanted, and says nothing after leaving', async () => {
  const here = await join();
  server.newest.tell({ type: 'disconnected', reason: 'removed' });
  server.newest.socket.close();
  await eventually(() => expect(told).toEqual(['disconnected']));
  await expect(here.signal('PA_a', 'x')).rejects.toMatchObject({ code: 'not_connected' });
});

test('a room with a lobby is no place for it', async () => {
  server.handler = ({ type }) => (type === 'join' ? { ok: { waiting: true } } : undefined);
  await expect(join()).rejects.toMatchObject({ code: 'locked' });
});
