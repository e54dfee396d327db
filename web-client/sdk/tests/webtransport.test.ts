import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { decodeEnvelope, encodeEnvelope } from '../src/data/envelope.ts';
import { Lanes } from '../src/data/lane.ts';
import type { OrielError } from '../src/errors.ts';
import type { EventFrame, ReplyFrame } from '../src/protocol.gen.ts';
import { frame, FrameReader } from '../src/transport/framing.ts';
import type { Incoming } from '../src/transport/transport.ts';
import { WebTransportTransport } from '../src/transport/webtransport.ts';
import { eventually } from './fakes/eventually.ts';
import { FakeSource, network, stubWebTransport, type FakeStream } from './fakes/webtransport.ts';

const PLACE = { url: 'https://rooms.example/v1/webtransport', certificate_hashes: ['AQID'] };
const LIMITS = { data_bytes_per_second: 1_000_000, data_messages_per_second: 2_000 };
const A = 'PA_000000000000a';

let frames: (EventFrame | ReplyFrame)[];
let envelopes: Uint8Array[];
let ends: OrielError[];

beforeEach(() => {
  stubWebTransport();
  [frames, envelopes, ends] = [[], [], []];
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const listener = {
  frame: (one: EventFrame | ReplyFrame) => frames.push(one),
  envelope: (bytes: Uint8Array) => envelopes.push(bytes.slice()),
  closed: (error: OrielError) => ends.push(error),
};

async function open(): Promise<WebTransportTransport> {
  const transport = new WebTransportTransport(PLACE);
  await transport.open(listener);
  return transport;
}

const json = (value: unknown): Uint8Array<ArrayBuffer> => frame(new TextEncoder().encode(JSON.stringify(value)));
const envelope = (text: string, more = {}): Uint8Array<ArrayBuffer> =>
  encodeEnvelope({ lossy: false, subscribers: false, topic: 't', payload: new TextEncoder().encode(text), ...more });

/** What was written into a stream, message by message. */
function messages(stream: FakeStream): Uint8Array[] {
  const reader = new FrameReader(1 << 20);
  const bodies: Uint8Array[] = [];
  for (let rest = Uint8Array.from(stream.bytes); rest.length > 0; ) {
    let body;
    [body, rest] = reader.read(rest);
    if (body) bodies.push(body);
  }
  return bodies;
}

test('the hashes that the server names are what its certificate is checked by', async () => {
  await open();
  const { url, options } = network.newest;
  expect(url).toBe(PLACE.url);
  expect(options).toMatchObject({ serverCertificateHashes: [{ algorithm: 'sha-256', value: Uint8Array.of(1, 2, 3) }], requireUnreliable: true });
  expect(network.newest.datagrams.outgoingMaxAge).toBe(100);
});

test('JSON goes both ways on the first stream, and envelopes come by it, in order', async () => {
  const transport = await open();
  transport.send(JSON.stringify({ id: 1, type: 'ping' }));
  const { said, told } = network.newest;
  await eventually(() => expect(messages(said).map((body) => new TextDecoder().decode(body))).toEqual(['{"id":1,"type":"ping"}']));
  const stream = [...json({ re: 1, ok: {} }), ...frame(envelope('e')), ...json({ type: 'gap' })];
  // In pieces that end nowhere in particular.
  for (let at = 0; at < stream.length; at += 7) told.tell(Uint8Array.from(stream.slice(at, at + 7)));
  await eventually(() => expect(frames).toEqual([{ re: 1, ok: {} }, { type: 'gap' }]));
  expect(envelopes).toEqual([envelope('e')]);
});

test('a message for the journal goes as a request, for here an envelope has no reply', async () => {
  const transport = await open();
  transport.send(envelope('hi', { id: 5n, to: [A], lossy: true }));
  await eventually(() => expect(network.newest.said.chunks).toHaveLength(1));
  expect(JSON.parse(new TextDecoder().decode(messages(network.newest.said)[0]))).toEqual({
    id: 5, type: 'send', topic: 't', payload: btoa('hi'), to: [A], listeners: false, lossy: true, message: 5,
  }); // prettier-ignore
});

test('lossy data goes by datagrams, reliable data by the stream, and both come', async () => {
  const { carrier } = await open();
  const lanes = new Lanes(carrier!.outlets, LIMITS);
  expect(await lanes.send('lossy', envelope('l', { lossy: true }), 100)).toBe(true);
  expect(await lanes.send('reliable', envelope('r'))).toBe(true);
  const { datagramsIn, datagramsOut, said } = network.newest;
  await eventually(() => expect(messages(said)).toEqual([envelope('r')]));
  expect(datagramsOut.chunks).toEqual([envelope('l', { lossy: true })]);
  datagramsIn.tell(envelope('d', { lossy: true, sender: A }));
  await eventually(() => expect(envelopes.map((bytes) => decodeEnvelope(bytes)?.sender)).toEqual([A]));
  expect(lanes.most('lossy')).toBe(1_200);
  expect(lanes.most('reliable')).toBe(Infinity);
});

test('what does not get out in time is dropped if it is lossy, and waits if it is not', async () => {
  const { carrier } = await open();
  const lanes = new Lanes(carrier!.outlets, LIMITS);
  const { datagramsOut, said } = network.newest;
  datagramsOut.hold();
  said.hold();
  const sent: boolean[] = [];
  for (let index = 0; index < 100; index += 1) {
    const one = lanes.send('lossy', envelope('x'.repeat(1_000), { lossy: true }), 30);
    // Some are as young as not to be dropped before the end, which rejects them.
    one.then((isSent) => sent.push(isSent)).catch(() => {});
  }
  let isGone = false;
  const many = Array.from({ length: 20 }, () => lanes.send('reliable', envelope('x'.repeat(60_000))));
  void Promise.all(many).then(
    () => (isGone = true),
    () => {},
  );
  await eventually(() => expect(sent.filter((one) => !one).length).toBeGreaterThan(50));
  expect(sent.filter((one) => one).length).toBeGreaterThan(10);
  expect(isGone).toBe(false);
  lanes.close();
  await expect(Promise.all(many)).rejects.toMatchObject({ code: 'connection_lost' });
});

test.each([
  [4401, 'unauthorized'],
  [4429, 'rate_limited'],
  [4503, 'busy'],
  [1000, 'connection_lost'],
  [undefined, 'connection_lost'],
])('close code %s means %s', async (closeCode, code) => {
  const { carrier } = await open();
  network.newest.end(closeCode, closeCode === undefined ? '' : 'because');
  await eventually(() => expect(ends).toHaveLength(1));
  expect(ends[0]).toMatchObject({ code, message: closeCode === undefined ? 'The connection was lost.' : 'because' });
  expect(carrier!.outlets.reliable.isOpen).toBe(false);
  expect(carrier!.outlets.lossy.isOpen).toBe(false);
});

test('a first stream that ends is an end; the session may say why, right behind it', async () => {
  await open();
  network.newest.told.finish();
  network.newest.end(4423, 'the room is locked');
  await eventually(() => expect(ends).toHaveLength(1));
  expect(ends[0]).toMatchObject({ code: 'locked' });
  await open();
  network.newest.told.finish();
  await eventually(() => expect(ends).toHaveLength(2));
  expect(ends[1]).toMatchObject({ code: 'connection_lost' });
});

test.each([
  ['what is no JSON', frame(Uint8Array.of(0x7b, 0x7b))],
  ['a message without end', Uint8Array.of(0xff, 0, 0, 0)],
])('%s ends the connection', async (_, bytes) => {
  await open();
  network.newest.told.tell(bytes);
  await eventually(() => expect(ends).toHaveLength(1));
  expect(ends[0]).toMatchObject({ code: 'protocol', retryable: false });
});

test('nobody there, and an opening that is given up', async () => {
  network.opens = false;
  await expect(new WebTransportTransport(PLACE).open(listener)).rejects.toMatchObject({ code: 'unreachable' });
  network.opens = new Promise(() => {});
  const stop = new AbortController();
  const opening = new WebTransportTransport(PLACE).open(listener, stop.signal);
  stop.abort();
  await expect(opening).rejects.toMatchObject({ code: 'aborted' });
  expect(network.newest.closedWith).toBeDefined();
  vi.useFakeTimers();
  const late = expect(new WebTransportTransport(PLACE).open(listener)).rejects.toMatchObject({ code: 'timeout' });
  await vi.advanceTimersByTimeAsync(10_000);
  await late;
  expect(ends).toEqual([]);
});

test('what was said last goes out before the session is closed, and that is no news', async () => {
  const transport = await open();
  const session = network.newest;
  session.said.hold();
  transport.send('{"id":2,"type":"leave"}');
  transport.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(session.closedWith).toBeUndefined();
  session.said.flow();
  await eventually(() => expect(session.closedWith).toMatchObject({ closeCode: 1000 }));
  expect(session.said.isFinished).toBe(true);
  expect(messages(session.said)).toHaveLength(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(ends).toEqual([]);
});

test('a stream begins with its head, and says what it was reset for', async () => {
  const { carrier } = await open();
  const stream = await carrier!.open(envelope('head'));
  const writer = stream.getWriter();
  await writer.write(Uint8Array.of(1, 2, 3));
  await writer.close();
  const [first] = network.newest.streamsOut;
  expect(first!.bytes).toEqual([...frame(envelope('head')), 1, 2, 3]);
  expect(first!.isFinished).toBe(true);

  const broken = (await carrier!.open(envelope('head'))).getWriter();
  network.newest.streamsOut[1]!.stop(5);
  await expect(broken.closed).rejects.toMatchObject({ code: 'busy' });
  const given = (await carrier!.open(envelope('head'))).getWriter();
  await given.abort();
  expect(network.newest.streamsOut[2]!.aborted).toMatchObject({ streamErrorCode: 2 });
});

test('a stream that comes has its head, its bytes and its end, wherever it is cut', async () => {
  const { carrier } = await open();
  const came: Incoming[] = [];
  carrier!.accept((one) => came.push(one));
  const bytes = [...frame(envelope('head', { sender: A })), 1, 2, 3];
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const source = new FakeSource<Uint8Array<ArrayBuffer>>();
    network.newest.streamsIn.tell(source.readable);
    source.tell(Uint8Array.from(bytes.slice(0, cut)));
    source.tell(Uint8Array.from(bytes.slice(cut)));
    source.finish();
    await eventually(() => expect(came).toHaveLength(cut));
    const { head, body } = came.at(-1)!;
    expect(decodeEnvelope(head)).toMatchObject({ sender: A });
    expect([...new Uint8Array(await new Response(body).arrayBuffer())], `cut at ${cut}`).toEqual([1, 2, 3]);
  }
});

test('a stream that is reset says why; one that is not wanted is stopped', async () => {
  const { carrier } = await open();
  const came: Incoming[] = [];
  carrier!.accept((one) => came.push(one));
  const [slow, unwanted, broken] = [0, 1, 2].map(() => new FakeSource<Uint8Array<ArrayBuffer>>()) as [FakeSource<Uint8Array<ArrayBuffer>>, FakeSource<Uint8Array<ArrayBuffer>>, FakeSource<Uint8Array<ArrayBuffer>>];
  for (const one of [slow, unwanted, broken]) network.newest.streamsIn.tell(one.readable);
  slow.tell(frame(envelope('head')));
  unwanted.tell(frame(envelope('head')));
  broken.tell(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
  await eventually(() => expect(came).toHaveLength(2));
  const reading = came[0]!.body.getReader().read();
  slow.reset(1);
  await expect(reading).rejects.toMatchObject({ code: 'too_slow' });
  await came[1]!.body.cancel();
  expect(unwanted.cancelled).toMatchObject({ streamErrorCode: 2 });
  await eventually(() => expect(broken.cancelled).toMatchObject({ streamErrorCode: 2 }));
});
