import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { EventFrame } from '../src/protocol.gen.ts';
import type { OrielError } from '../src/errors.ts';
import { WebSocketTransport } from '../src/transport/websocket.ts';
import { eventually } from './fakes/eventually.ts';
import { FakeServer, refusal } from './fakes/server.ts';

let server: FakeServer;

beforeEach(async () => {
  vi.stubGlobal('WebSocket', WebSocket);
  server = await FakeServer.start();
});

afterEach(async () => {
  await server.stop();
  vi.unstubAllGlobals();
});

/** What the transport tells. */
function listen(transport: WebSocketTransport): { frames: EventFrame[]; closed: Promise<OrielError> } {
  const frames: EventFrame[] = [];
  const closed = new Promise<OrielError>((resolve) => {
    transport.events({ event: (frame) => frames.push(frame), closed: resolve });
  });
  return { frames, closed };
}

test('joins with the token in the first request', async () => {
  const transport = new WebSocketTransport(server.url);
  const joined = await transport.attach({ token: 'secret' });
  expect(joined.participant.id).toBe('PA_1');
  expect(server.requests).toEqual([{ type: 'join', token: 'secret' }]);
  transport.close();
});

test('a refused join gives the server’s error and closes the socket', async () => {
  server.handler = () => refusal('unauthorized');
  const transport = new WebSocketTransport(server.url);
  await expect(transport.attach({ token: 'old' })).rejects.toMatchObject({ code: 'unauthorized', retryable: false });
  await eventually(() => expect(server.newest.socket.readyState).toBe(WebSocket.CLOSED));
});

test('nobody at the address is told apart from a server that refuses', async () => {
  const { url } = server;
  await server.stop();
  const transport = new WebSocketTransport(url);
  await expect(transport.attach({ token: 't' })).rejects.toMatchObject({ code: 'unreachable', retryable: true });
  server = await FakeServer.start();
});

test('replies find their requests, in whatever order they come', async () => {
  const transport = new WebSocketTransport(server.url);
  await transport.attach({ token: 't' });
  const waiting: (() => void)[] = [];
  server.handler = (request, { socket }) => {
    if (request.type !== 'chat') return undefined;
    const { text } = request;
    const id = text === 'first' ? 2 : 3;
    const message = { id: `CH_${id}`, participant: 'PA_1', name: '', text, at: 1 };
    waiting.push(() => socket.send(JSON.stringify({ re: id, ok: { message } })));
    return {};
  };
  const first = transport.request<'chat'>({ type: 'chat', text: 'first' });
  const second = transport.request<'chat'>({ type: 'chat', text: 'second' });
  await eventually(() => expect(waiting).toHaveLength(2));
  for (const answer of waiting.reverse()) answer();
  expect((await first).message.text).toBe('first');
  expect((await second).message.text).toBe('second');
  transport.close();
});

test('a request without an answer times out; its late answer harms nobody', async () => {
  const transport = new WebSocketTransport(server.url, { requestTimeout: 1_000 });
  await transport.attach({ token: 't' });
  server.handler = (request) => (request.type === 'chat' ? {} : undefined);
  await expect(transport.request<'chat'>({ type: 'chat', text: 'x' })).rejects.toMatchObject({ code: 'timeout' });
  server.newest.socket.send(JSON.stringify({ re: 2, ok: {} }));
  await transport.request<'leave'>({ type: 'leave' });
  transport.close();
});

test('events that come before anybody listens are kept, in order', async () => {
  server.handler = (request, connection) => {
    if (request.type !== 'join') return undefined;
    setTimeout(() => {
      connection.tell({ type: 'participant.left', participant: 'PA_8', reason: 'left' });
      connection.tell({ type: 'participant.left', participant: 'PA_9', reason: 'left' });
    });
    return undefined;
  };
  const transport = new WebSocketTransport(server.url);
  await transport.attach({ token: 't' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { frames } = listen(transport);
  expect(frames.map((frame) => 'participant' in frame && frame.participant)).toEqual(['PA_8', 'PA_9']);
  transport.close();
});

test.each([
  [4429, 'rate_limited'],
  [4401, 'unauthorized'],
  [4503, 'busy'],
  [1011, 'connection_lost'],
])('close code %i means %s, also for those who wait', async (close, code) => {
  const transport = new WebSocketTransport(server.url);
  await transport.attach({ token: 't' });
  const { closed } = listen(transport);
  server.handler = () => ({});
  const waiting = transport.request<'chat'>({ type: 'chat', text: 'x' });
  const rejected = expect(waiting).rejects.toMatchObject({ code });
  server.newest.socket.close(close, 'because');
  expect(await closed).toMatchObject({ code, message: 'because' });
  await rejected;
  await expect(transport.request<'leave'>({ type: 'leave' })).rejects.toMatchObject({ code });
});

test('a server that has gone silent is noticed', async () => {
  const transport = new WebSocketTransport(server.url, { requestTimeout: 1_000, heartbeat: 50 });
  await transport.attach({ token: 't' });
  const { closed } = listen(transport);
  await eventually(() => expect(server.types()).toContain('candidate'));
  server.handler = () => ({});
  expect(await closed).toMatchObject({ code: 'connection_lost' });
});

test('an aborted attach ends at once', async () => {
  server.handler = () => ({});
  const stop = new AbortController();
  const transport = new WebSocketTransport(server.url);
  const attached = transport.attach({ token: 't' }, stop.signal);
  setTimeout(() => stop.abort(), 20);
  await expect(attached).rejects.toMatchObject({ code: 'aborted' });
});

test('closing ourselves is no news', async () => {
  const transport = new WebSocketTransport(server.url);
  await transport.attach({ token: 't' });
  let told = false;
  transport.events({ event: () => {}, closed: () => (told = true) });
  transport.close();
  await eventually(() => expect(server.newest.socket.readyState).toBe(WebSocket.CLOSED));
  expect(told).toBe(false);
});

test('something that is not JSON ends the connection', async () => {
  const transport = new WebSocketTransport(server.url);
  await transport.attach({ token: 't' });
  const { closed } = listen(transport);
  server.newest.socket.send('<html>');
  expect(await closed).toMatchObject({ code: 'protocol', retryable: false });
});
