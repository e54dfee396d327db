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

/** The numbers of those that went by the lossy channel. */
const numbers = (channel: FakeChannel): (bigint | undefined)[] => channel.sent.map((bytes) => decodeEnvelope(bytes)!.id);

test('of lossy messages in order, those that come behind a later one are not told', async () => {
  const { lossy } = await enter();
  const { data } = stage.room;
  const heard: string[] = [];
  data.topic('cursor', { reliability: 'lossy', ordered: true }).subscribe((message) => heard.push(words(message)));
  const tell = (text: string, id: bigint | undefined, sender = A): void => lossy.receive(envelope('cursor', text, { lossy: true, sender, ...(id === undefined ? {} : { id }) }));
  tell('1', 1n);
  tell('3', 3n);
  tell('2', 2n);
  tell('3 again', 3n);
  tell('other', 2n, B);
  tell('none', undefined);
  tell('4', 4n);
  expect(heard.map((one) => one.split('/')[1])).toEqual(['1', '3', 'other', 'none', '4']);
  const cursor = data.topic('cursor', { reliability: 'lossy', ordered: true });
  for (let index = 0; index < 3; index += 1) expect(await cursor.send('x')).toBe(true);
  const [first, second, third] = numbers(lossy) as [bigint, bigint, bigint];
  expect(first < second && second < third).toBe(true);
});

test('a lossy message is no longer than every path takes, and says what that is', async () => {
  await enter();
  const { data } = stage.room;
  const topic = data.topic('cursor', { reliability: 'lossy' });
  // The envelope with a number: 2 + 8 + 1 + 6.
  expect(topic.maxSize).toBe(1_100 - 17);
  await topic.send(new Uint8Array(topic.maxSize));
  await expect(topic.send(new Uint8Array(topic.maxSize + 1))).rejects.toMatchObject({ code: 'too_large', message: expect.stringContaining('1083') as string });
  expect(data.topic('cursor').maxSize).toBeGreaterThan(65_000);
  await data.topic('cursor').send(new Uint8Array(2_000));
});

test('a lossy message does not wait for an interrupted connection', async () => {
  await enter(false);
  const { server, room } = stage;
  // At once: on a busy machine it may be over a moment later.
  const late = new Promise((resolve) => {
    room.on('reconnecting', () => resolve(room.data.send('late', { reliability: 'lossy' })));
  });
  server.newest.socket.terminate();
  expect(await late).toBe(false);
  await happened(stage, 'reconnected');
  await room.data.send('reliable');
  expect(server.envelopes.map((bytes) => new TextDecoder().decode(decodeEnvelope(bytes)!.payload))).toEqual(['reliable']);
});

test('the last value of a topic is asked to be kept, and only where that makes sense', async () => {
  await enter();
  const { server, room } = stage;
  await room.data.topic('page', { retain: true }).send('7');
  expect(server.requests.at(-1)).toMatchObject({ type: 'send', topic: 'page', payload: btoa('7'), retain: true });
  expect(server.requests.at(-1)).not.toHaveProperty('listeners');
  const send = (options: object): Promise<boolean> => room.data.send('x', { topic: 'page', retain: true, ...options });
  await expect(send({ reliability: 'lossy' })).rejects.toMatchObject({ code: 'bad_request' });
  await expect(send({ to: [A] })).rejects.toMatchObject({ code: 'bad_request' });
  await expect(room.data.send(new Uint8Array(16_385), { topic: 'page', retain: true })).rejects.toMatchObject({ code: 'too_large', message: expect.stringContaining('16384') as string });
});

test('who comes later is told the last values, once, and who listens later still', async () => {
  const { server, room } = stage;
  server.handler = (request, connection) => {
    if (request.type !== 'join') return undefined;
    const { ok } = server.reply(request, connection) as { ok: object };
    return { ok: { ...ok, retained: [{ topic: 'page', payload: btoa('7'), from: A, id: 3 }, { topic: 'other', payload: btoa('o') }] } };
  };
  const heard: string[] = [];
  const hear = (message: DataMessage): number => heard.push(`${words(message)}${message.retained ? '/retained' : ''}`);
  room.data.on('page', hear);
  await enter();
  await eventually(() => expect(heard).toEqual([`page/7/${A}/reliable/retained`]));
  server.tell({ type: 'data.received', from: B, topic: 'page', payload: btoa('8'), retain: true });
  await eventually(() => expect(heard).toHaveLength(2));
  expect(heard[1]).toBe(`page/8/${B}/reliable`);
  // Later handlers get the value of now; one that is taken away at once gets nothing.
  heard.length = 0;
  room.data.on('page', hear)();
  room.data.topic('page').subscribe(hear);
  room.data.topic('other').subscribe(hear);
  await eventually(() => expect(heard).toEqual([`page/8/${B}/reliable/retained`, `other/o//reliable/retained`]));
  // What has not changed is not told again; what is no longer kept is forgotten.
  heard.length = 0;
  room.data.keep([{ topic: 'page', payload: btoa('8'), from: B }]);
  room.data.keep([{ topic: 'page', payload: btoa('9'), from: B }]);
  expect(heard).toEqual([`page/9/${B}/reliable/retained`, `page/9/${B}/reliable/retained`]);
  // Our own comes back for our copy alone.
  heard.length = 0;
  server.tell({ type: 'data.received', from: room.localParticipant.id, topic: 'mine', payload: btoa('m'), retain: true });
  server.tell({ type: 'data.received', from: B, topic: 'page', payload: '', retain: true });
  await eventually(() => expect(heard.at(-1)).toBe(`page//${B}/reliable`));
  heard.length = 0;
  room.data.on('other', hear);
  room.data.on('page', hear);
  room.data.on('mine', hear)();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(heard).toEqual([]);
});

test('without a session there are no streams, and the error says why', async () => {
  await enter();
  await expect(stage.room.data.open('file')).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('webtransport') as string });
  expect(stage.room.data.path()).toBe('channel');
});

test('for data alone nothing is offered and nobody’s media asked for', async () => {
  await stage.room.connect(stage.server.url, 'token', { media: false });
  await stage.room.data.send('hello');
  expect(stage.server.requests.find(({ type }) => type === 'join')).toMatchObject({ auto_subscribe: false });
  expect(stage.server.types()).not.toContain('offer');
  expect(stage.room.data.path()).toBe('signaling');
  expect(stage.server.envelopes).toHaveLength(1);
});
