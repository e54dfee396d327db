import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { OrielError } from '../src/errors.ts';
import type { Transport } from '../src/transport/transport.ts';
import { sessionPlace, Ways, type TransportName } from '../src/transport/ways.ts';
import { eventually } from './fakes/eventually.ts';
import { FakeServer } from './fakes/server.ts';
import { network, stubWebTransport } from './fakes/webtransport.ts';

const ALL: readonly TransportName[] = ['webtransport', 'websocket', 'http'];

let server: FakeServer;
let ends: OrielError[];
let opened: Transport[];

beforeEach(async () => {
  stubWebTransport();
  vi.stubGlobal('WebSocket', WebSocket);
  server = await FakeServer.start();
  ends = [];
  opened = [];
});

afterEach(async () => {
  for (const transport of opened) transport.close();
  await server.stop();
  vi.unstubAllGlobals();
});

const listener = { frame: () => {}, envelope: () => {}, closed: (error: OrielError) => ends.push(error) };
const places = () => ({ url: server.url, webtransport: { url: 'https://rooms.example/v1/webtransport' } });
/** Connections that somebody holds open. */
const sockets = () => server.connections.filter(({ socket }) => socket.readyState === WebSocket.OPEN).length;

/** Opens, and says how. */
async function taken(wanted?: readonly TransportName[]): Promise<string> {
  const transport = new Ways(places(), wanted).make();
  opened.push(transport);
  await transport.open(listener);
  return transport.carrier ? 'webtransport' : 'another';
}

test('nobody gets a session who has not asked for one', async () => {
  expect(await taken()).toBe('another');
  expect(network.sessions).toEqual([]);
});

test('a session that opens a little later than the WebSocket is taken, and the WebSocket given up', async () => {
  network.opens = eventually(() => expect(sockets()).toBe(1)).then(() => new Promise((resolve) => setTimeout(resolve, 20)));
  expect(await taken(ALL)).toBe('webtransport');
  await eventually(() => expect(sockets()).toBe(0));
});

test('a session that is refused costs no time', async () => {
  network.opens = false;
  const begunAt = performance.now();
  expect(await taken(ALL)).toBe('another');
  expect(performance.now() - begunAt).toBeLessThan(150);
  expect(sockets()).toBe(1);
});

test('where nothing answers by UDP, the WebSocket is taken soon, and the session given up', async () => {
  network.opens = new Promise(() => {});
  expect(await taken(ALL)).toBe('another');
  expect(sockets()).toBe(1);
  await eventually(() => expect(network.newest.closedWith).toBeDefined());
  expect(ends).toEqual([]);
});

test('where the WebSocket is not reached, a session is waited for', async () => {
  const { webtransport } = places();
  const transport = new Ways({ url: 'ws://127.0.0.1:1/v1/ws', webtransport }, ['webtransport', 'websocket']).make();
  network.opens = new Promise((resolve) => setTimeout(resolve, 400));
  await transport.open(listener);
  expect(transport.carrier).toBeDefined();
});

test('where neither is reached, it says so', async () => {
  network.opens = false;
  const { webtransport } = places();
  const transport = new Ways({ url: 'ws://127.0.0.1:1/v1/ws', webtransport }, ['webtransport', 'websocket']).make();
  await expect(transport.open(listener)).rejects.toMatchObject({ code: 'unreachable' });
});

test('a session alone is a session or nothing', async () => {
  expect(await taken(['webtransport'])).toBe('webtransport');
  network.opens = false;
  await expect(taken(['webtransport'])).rejects.toMatchObject({ code: 'unreachable' });
  expect(server.connections).toEqual([]);
  vi.stubGlobal('WebTransport', undefined);
  await expect(taken(['webtransport'])).rejects.toMatchObject({ code: 'unsupported' });
});

test('an opening that is given up leaves nothing open', async () => {
  network.opens = new Promise(() => {});
  const stop = new AbortController();
  const opening = new Ways(places(), ALL).make().open(listener, stop.signal);
  await eventually(() => expect(network.sessions).toHaveLength(1));
  stop.abort();
  await expect(opening).rejects.toMatchObject({ code: 'aborted' });
  expect(network.newest.closedWith).toBeDefined();
  await eventually(() => expect(sockets()).toBe(0));
});

test('the one that was taken says how it ends', async () => {
  await taken(ALL);
  network.newest.end(4503, 'full');
  await eventually(() => expect(ends).toHaveLength(1));
  expect(ends[0]).toMatchObject({ code: 'busy', message: 'full' });
});

test('without word from the server sessions are looked for at its address', () => {
  expect(sessionPlace('wss://rooms.example:7443/v1/ws')).toEqual({ url: 'https://rooms.example:7443/v1/webtransport' });
  expect(sessionPlace('ws://127.0.0.1:7880/v1/ws')).toBeUndefined();
});
