import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OrielError } from '../src/errors.ts';
import { Feed, type ServerEvent } from '../src/feed.ts';
import { eventually } from './fakes/eventually.ts';
import { FakeHttpServer } from './fakes/http-server.ts';

let server: FakeHttpServer;
let told: ServerEvent[];
let states: boolean[];
let ends: OrielError[];

beforeEach(async () => {
  server = await FakeHttpServer.start();
  told = [];
  states = [];
  ends = [];
});

afterEach(async () => server.stop());

const open = (): Feed<ServerEvent> =>
  Feed.ofServer(
    server.url,
    { token: 'x', types: ['room.started'], onState: (isOpen) => states.push(isOpen), onEnd: (error) => ends.push(error) },
    (event) => told.push(event),
  );

test('a feed that is cut goes on after what it has read', async () => {
  const feed = open();
  server.tell({ seq: 1 }, { seq: 2 });
  await eventually(() => expect(told).toEqual([{ seq: 1 }, { seq: 2 }]));
  server.cutStreams();
  server.tell({ seq: 3 });
  await eventually(() => expect(told).toEqual([{ seq: 1 }, { seq: 2 }, { seq: 3 }]));
  expect(server.places).toEqual([
    ['0', 'stream'],
    ['2', 'stream'],
  ]);
  expect(states).toEqual([true, false, true]);
  feed.close();
  server.tell({ seq: 4 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(told.length).toBe(3);
  expect(ends).toEqual([]);
});

test('a token that does not do ends it, and is not tried again', async () => {
  server.refusal = { status: 403, code: 'forbidden' };
  open();
  await eventually(() => expect(ends.map(({ code }) => code)).toEqual(['forbidden']));
  expect(told).toEqual([]);
});

test('what a proxy says is no end', async () => {
  server.streaming = 'refused';
  const feed = open();
  await eventually(() => expect(server.places.length).toBeGreaterThan(0));
  server.streaming = 'open';
  server.tell({ seq: 1 });
  await eventually(() => expect(told).toEqual([{ seq: 1 }]));
  expect(ends).toEqual([]);
  feed.close();
});
