import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { OrielError } from '../src/errors.ts';
import type { EventFrame, ReplyFrame } from '../src/protocol.gen.ts';
import { WebSocketTransport } from '../src/transport/websocket.ts';
import { eventually } from './fakes/eventually.ts';
import { FakeServer } from './fakes/server.ts';

let server: FakeServer;
let frames: (EventFrame | ReplyFrame)[];
let envelopes: Uint8Array[];
let ends: OrielError[];

beforeEach(async () => {
  vi.stubGlobal('WebSocket', WebSocket);
  server = await FakeServer.start();
  frames = [];
  envelopes = [];
  ends = [];
});

afterEach(async () => {
  await server.stop();
  vi.unstubAllGlobals();
});

const listener = {
  frame: (frame: EventFrame | ReplyFrame) => frames.push(frame),
  envelope: (bytes: Uint8Array) => envelopes.push(bytes),
  closed: (error: OrielError) => ends.push(error),
};

async function open(): Promise<WebSocketTransport> {
  const transport = new WebSocketTransport(server.url);
  await transport.open(listener);
  await eventually(() => expect(server.connections.length).toBeGreaterThan(0));
  return transport;
}

test('text goes both ways as JSON, envelopes as bytes, in order', async () => {
  const transport = await open();
  transport.send(JSON.stringify({ id: 1, type: 'ping' }));
  await eventually(() => expect(frames).toEqual([{ re: 1, ok: {} }]));
  server.newest.tell({ type: 'participant.left', participant: 'PA_9', reason: 'left' });
  server.newest.socket.send(Uint8Array.of(1, 2, 3));
  await eventually(() => expect(envelopes).toEqual([Uint8Array.of(1, 2, 3)]));
  expect(frames[1]).toMatchObject({ participant: 'PA_9' });
  transport.close();
});

test('nobody at the address is told from a connection that ends', async () => {
  const { url } = server;
  await server.stop();
  await expect(new WebSocketTransport(url).open(listener)).rejects.toMatchObject({ code: 'unreachable', retryable: true });
  expect(ends).toEqual([]);
  server = await FakeServer.start();
});

test.each([
  [4429, 'rate_limited'],
  [4401, 'unauthorized'],
  [4423, 'locked'],
  [4503, 'busy'],
  [1011, 'connection_lost'],
])('close code %i means %s', async (close, code) => {
  await open();
  server.newest.socket.close(close, 'because');
  await eventually(() => expect(ends).toHaveLength(1));
  expect(ends[0]).toMatchObject({ code, message: 'because' });
});

test('an opening can be given up', async () => {
  const stop = new AbortController();
  const opening = new WebSocketTransport(server.url).open(listener, stop.signal);
  stop.abort();
  await expect(opening).rejects.toMatchObject({ code: 'aborted' });
});

test('closing ourselves is no news', async () => {
  const transport = await open();
  transport.close();
  await eventually(() => expect(server.newest.socket.readyState).toBe(WebSocket.CLOSED));
  expect(ends).toEqual([]);
});

test('something that is not JSON ends the connection', async () => {
  await open();
  server.newest.socket.send('<html>');
  await eventually(() => expect(ends).toHaveLength(1));
  expect(ends[0]).toMatchObject({ code: 'protocol', retryable: false });
});
