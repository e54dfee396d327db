import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { OrielError } from '../src/errors.ts';
import type { EventFrame, ReplyFrame } from '../src/protocol.gen.ts';
import { HttpTransport } from '../src/transport/http.ts';
import { Ways } from '../src/transport/ways.ts';
import { eventually } from './fakes/eventually.ts';
import { FakeHttpServer } from './fakes/http-server.ts';

let server: FakeHttpServer;
let frames: (EventFrame | ReplyFrame)[];
let envelopes: Uint8Array[];
let ends: OrielError[];

beforeEach(async () => {
  server = await FakeHttpServer.start();
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
const JOIN = JSON.stringify({ id: 1, type: 'join', token: 'x', room: 'r' });

async function joined(): Promise<HttpTransport> {
  const transport = new HttpTransport(server.url);
  await transport.open(listener);
  transport.send(JOIN);
  await eventually(() => expect(frames).toEqual([{ re: 1, ok: {} }]));
  return transport;
}

test('the first request opens a connection, later ones go out in order, envelopes as text', async () => {
  const transport = await joined();
  transport.send(JSON.stringify({ id: 2, type: 'ping' }));
  transport.send(Uint8Array.of(1, 2, 255));
  transport.send(JSON.stringify({ id: 3, type: 'ping' }));
  await eventually(() => expect(server.bodies.slice(1).flat()).toEqual([{ id: 2, type: 'ping' }, 'AQL/', { id: 3, type: 'ping' }]));
  server.tell({ re: 2, ok: {} }, 'AQL/');
  await eventually(() => expect(envelopes).toEqual([Uint8Array.of(1, 2, 255)]));
  expect(frames[1]).toEqual({ re: 2, ok: {} });
  transport.close();
  expect(ends).toEqual([]);
});

test('a token names the room where the request does not', async () => {
  const claims = btoa(JSON.stringify({ video: { room: 'team' } }));
  const fetched = vi.fn(fetch);
  vi.stubGlobal('fetch', fetched);
  const transport = new HttpTransport(server.url);
  await transport.open(listener);
  transport.send(JSON.stringify({ id: 1, type: 'join', token: `x.${claims}.x` }));
  await eventually(() => expect(fetched.mock.calls[0]?.[0]).toBe(`${server.url}/v1/rooms/team/requests`));
  transport.close();
});

test('a stream that is cut goes on where it was', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const transport = await joined();
  server.tell({ type: 'one' });
  await eventually(() => expect(frames).toHaveLength(2));
  vi.setSystemTime(Date.now() + 60_000);
  server.cutStreams();
  server.tell({ type: 'two' });
  await eventually(() => expect(frames.slice(1)).toEqual([{ type: 'one' }, { type: 'two' }]));
  expect(server.places).toEqual([['0', 'stream'], ['1', 'stream']]);
  transport.close();
  vi.useRealTimers();
});

test.each(['refused', 'silent'] as const)('where streams are %s, frames are polled', { timeout: 20_000 }, async (streaming) => {
  server.streaming = streaming;
  const transport = await joined();
  server.tell({ type: 'one' });
  await eventually(() => expect(frames[1]).toEqual({ type: 'one' }));
  server.tell({ type: 'two' });
  await eventually(() => expect(frames[2]).toEqual({ type: 'two' }));
  await eventually(() => expect(server.places).toEqual([['0', 'stream'], ['0', 'poll'], ['1', 'poll'], ['2', 'poll']]));
  transport.close();
  expect(ends).toEqual([]);
});

test('a refused join is its reply, and the end', async () => {
  server.refusal = { status: 423, code: 'locked' };
  const transport = new HttpTransport(server.url);
  await transport.open(listener);
  transport.send(JOIN);
  await eventually(() => expect(ends).toHaveLength(1));
  expect(frames).toEqual([{ re: 1, error: { code: 'locked', message: 'no', retry: false } }]);
  expect(ends[0]).toMatchObject({ code: 'locked' });
});

test('a connection that the server has forgotten is lost, and no reason to give up', async () => {
  await joined();
  server.refusal = { status: 404, code: 'not_found' };
  server.cutStreams();
  await eventually(() => expect(ends).toHaveLength(1));
  expect(ends[0]).toMatchObject({ code: 'connection_lost', retryable: true });
});

test('where WebSockets are blocked the way is HTTP, and stays so', async () => {
  let tries = 0;
  class Blocked {
    constructor() {
      tries += 1;
      throw new DOMException('blocked', 'SecurityError');
    }
  }
  vi.stubGlobal('WebSocket', Blocked);
  const ways = new Ways({ url: `${server.url.replace('http', 'ws')}/v1/ws` });
  for (const times of [1, 2]) {
    const way = ways.make();
    await way.open(listener);
    way.send(JOIN);
    await eventually(() => expect(frames).toHaveLength(times));
    way.close();
  }
  expect(tries).toBe(1);
  // The server is gone: whichever way opens first will do.
  const { url } = server;
  await server.stop();
  const way = ways.make();
  await way.open(listener);
  way.send(JOIN);
  await eventually(() => expect(ends).toHaveLength(1));
  expect(ends[0]).toMatchObject({ code: 'unreachable' });
  await new Ways({ url }).make().open(listener);
  await ways.make().open(listener);
  expect(tries).toBe(3);
  server = await FakeHttpServer.start();
});
