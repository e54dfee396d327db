import { expect, test } from 'vitest';
import type { DataMessage } from '../src/index.ts';
import { decodeEnvelope, encodeEnvelope } from '../src/data/envelope.ts';
import { eventually } from './fakes/eventually.ts';
import { refusal } from './fakes/server.ts';
import { happened, setStage } from './fakes/stage.ts';
import { FakePeerConnection, type FakeChannel } from './fakes/webrtc.ts';

const stage = setStage();

const A = 'PA_000000000000a';
const B = 'PA_000000000000b';

/** Joins; the channels are open unless said otherwise. */
async function enter(open = true): Promise<Record<'reliable' | 'lossy', FakeChannel>> {
  await stage.room.connect(stage.server.url, 'token');
  const [reliable, lossy] = FakePeerConnection.newest.channels as [FakeChannel, FakeChannel];
  if (open) reliable.readyState = lossy.readyState = 'open';
  return { reliable, lossy };
}

const envelope = (topic: string, text: string, more = {}): Uint8Array<ArrayBuffer> =>
  encodeEnvelope({
    lossy: false,
    subscribers: false,
    sender: A,
    topic,
    payload: new TextEncoder().encode(text),
    ...more,
  });

const words = ({ topic, payload, from, reliability }: DataMessage): string =>
  `${topic}/${new TextDecoder().decode(payload)}/${from}/${reliability}`;

test('the channels are agreed on beforehand', async () => {
  const { reliable, lossy } = await enter();
  expect(reliable.options).toEqual({ negotiated: true, id: 0, ordered: true });
  expect(lossy.options).toEqual({ negotiated: true, id: 1, ordered: false, maxRetransmits: 0 });
});

test('messages go by the channel of their kind, without a number', async () => {
  const { reliable, lossy } = await enter();
  const { data } = stage.room;
  await data.send('all');
  await data.send(Uint8Array.of(7), { topic: 'cursor', reliability: 'lossy', listeners: true });
  await data.send('some', { to: [A, { id: B }] });
  const sent = [...reliable.sent, ...lossy.sent].map((bytes) => decodeEnvelope(bytes)!);
  expect(sent.map(({ lossy: isLossy, subscribers, to, topic, id }) => [isLossy, subscribers, to, topic, id])).toEqual([
    [false, false, undefined, '', undefined],
    [false, false, [A, B], '', undefined],
    [true, true, undefined, 'cursor', undefined],
  ]);
  expect(stage.server.envelopes).toEqual([]);
});

test('without a channel they go by the signaling connection, as requests do', async () => {
  await enter(false);
  await stage.room.data.send('hello', { topic: 't' });
  const [bytes] = stage.server.envelopes;
  const { id, payload } = decodeEnvelope(bytes!)!;
  expect(new TextDecoder().decode(payload)).toBe('hello');
  // Of the same count as all requests: none of these has the same number.
  expect(Number(id)).toBeGreaterThan(1);
});

test('who has too much under way waits, and messages stay in order', async () => {
  const { reliable } = await enter();
  const { data } = stage.room;
  const done: number[] = [];
  reliable.bufferedAmount = 1_048_576;
  for (let index = 0; index < 9; index += 1) void data.send(Uint8Array.of(index)).then(() => done.push(index));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(done).toEqual([]);
  reliable.flow(300_000);
  await eventually(() => expect(done).toHaveLength(9));
  expect(reliable.sent.map((bytes) => decodeEnvelope(bytes)!.payload[0])).toEqual(done);
});

test('a message that waits for a channel that closes takes the other way', async () => {
  const { reliable } = await enter();
  reliable.bufferedAmount = 2_000_000;
  const sending = stage.room.data.send('still');
  await new Promise((resolve) => setTimeout(resolve, 20));
  reliable.close();
  await sending;
  expect(stage.server.envelopes).toHaveLength(1);
});

test('what cannot be sent is refused with words', async () => {
  await enter();
  const { data } = stage.room;
  await expect(data.send(new Uint8Array(65_536))).rejects.toMatchObject({ code: 'too_large' });
  await expect(data.send('x', { topic: 'ü'.repeat(65) })).rejects.toMatchObject({ code: 'bad_request' });
  await expect(data.send('x', { to: [] })).rejects.toMatchObject({ code: 'bad_request' });
  await expect(data.send('x', { to: [A], listeners: true })).rejects.toMatchObject({ code: 'bad_request' });
});

test('outside of a room nothing can be sent', async () => {
  await expect(stage.room.data.send('x')).rejects.toMatchObject({ code: 'not_connected' });
});

test('messages are told whichever way they come, to all handlers or to those of the topic', async () => {
  const { reliable, lossy } = await enter();
  const { data } = stage.room;
  const all: string[] = [];
  const some: string[] = [];
  data.on((message) => all.push(words(message)));
  const stop = data.on('cursor', (message) => some.push(words(message)));
  reliable.receive(envelope('chat', 'one'));
  lossy.receive(envelope('cursor', 'two', { lossy: true }));
  stage.server.newest.socket.send(envelope('cursor', 'three', { seq: 5n }));
  await eventually(() => expect(all).toHaveLength(3));
  stage.server.newest.tell({ type: 'data.received', from: B, topic: 'cursor', payload: btoa('four') });
  await eventually(() => expect(all).toHaveLength(4));
  stop();
  reliable.receive(envelope('cursor', 'five'));
  expect(all).toEqual([
    `chat/one/${A}/reliable`,
    `cursor/two/${A}/lossy`,
    `cursor/three/${A}/reliable`,
    `cursor/four/${B}/reliable`,
    `cursor/five/${A}/reliable`,
  ]);
  expect(some).toEqual(all.slice(1, 4));
});

test('a numbered message moves the place in the journal, and is told once', async () => {
  await enter();
  const heard: string[] = [];
  stage.room.data.on((message) => heard.push(words(message)));
  const { socket } = stage.server.newest;
  for (const text of ['once', 'twice']) socket.send(envelope('t', text, { seq: 9n }));
  await eventually(() => expect(heard).toHaveLength(1));
  socket.terminate();
  await happened(stage, 'reconnected');
  expect(stage.server.requests.find(({ type }) => type === 'resume')).toMatchObject({ cursor: 'E_1.9' });
  expect(heard).toEqual([`t/once/${A}/reliable`]);
});

test('something on a channel that is no message is told and harms nobody', async () => {
  const { reliable } = await enter();
  const warnings: string[] = [];
  stage.room.on('warning', ({ code }) => warnings.push(code));
  reliable.receive(Uint8Array.of(9, 9, 9));
  reliable.receive(encodeEnvelope({ lossy: false, subscribers: false, topic: '', payload: new Uint8Array() }));
  expect(warnings).toEqual(['protocol', 'protocol']);
});

test('topics are listened to as long as somebody handles them, and again after a fresh join', async () => {
  const { server, room } = stage;
  const listened = (): string[][] =>
    server.requests.flatMap((request) => (request.type === 'listen' ? [request.topics] : []));
  const early = room.data.on('early', () => {});
  await enter();
  await eventually(() => expect(listened()).toEqual([['early']]));
  const cursor = room.data.topic('cursor', { reliability: 'lossy' });
  const [one, two] = [cursor.subscribe(() => {}), cursor.subscribe(() => {})];
  early();
  await eventually(() => expect(listened().at(-1)).toEqual(['cursor']));
  one();
  await cursor.send('x');
  expect(decodeEnvelope(FakePeerConnection.newest.channels[1]!.sent[0]!)).toMatchObject({ subscribers: true, topic: 'cursor' });
  server.handler = (request) => (request.type === 'resume' ? refusal('not_found') : undefined);
  server.newest.socket.terminate();
  await eventually(() => expect(listened()).toEqual([['early'], ['cursor'], ['cursor']]));
  two();
  await eventually(() => expect(listened().at(-1)).toEqual([]));
});

test('there is a limit to the topics', () => {
  const { data } = stage.room;
  for (let index = 0; index < 64; index += 1) data.on(`topic ${index}`, () => {});
  expect(() => data.on('one more', () => {})).toThrow(expect.objectContaining({ code: 'full' }));
  data.on('topic 3', () => {});
});
