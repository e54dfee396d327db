/** A room whose signaling and data go by a WebTransport session. */
import { beforeEach, expect, test } from 'vitest';
import { decodeEnvelope, encodeEnvelope } from '../src/data/envelope.ts';
import type { DataStream } from '../src/index.ts';
import type { Request } from '../src/protocol.gen.ts';
import { frame, FrameReader } from '../src/transport/framing.ts';
import { eventually } from './fakes/eventually.ts';
import { joined } from './fakes/server.ts';
import { happened, setStage } from './fakes/stage.ts';
import { FakeSource, network, stubWebTransport, type FakeWebTransport } from './fakes/webtransport.ts';
import { FakePeerConnection } from './fakes/webrtc.ts';

const stage = setStage();

const A = 'PA_000000000000a';
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

beforeEach(() => stubWebTransport());

/** What a client has said in JSON, and the envelopes between. */
function said(session: FakeWebTransport): { requests: (Request & { id: number })[]; envelopes: Uint8Array[] } {
  const reader = new FrameReader(1 << 20);
  const [requests, envelopes]: [(Request & { id: number })[], Uint8Array[]] = [[], []];
  for (let rest = Uint8Array.from(session.said.bytes); rest.length > 0; ) {
    let body;
    [body, rest] = reader.read(rest);
    if (body?.[0] === 0x7b) requests.push(JSON.parse(text(body)) as Request & { id: number });
    else if (body) envelopes.push(body);
  }
  return { requests, envelopes };
}

/** Answers what is asked on a session, until it is closed. */
function serve(session: FakeWebTransport): void {
  let answered = 0;
  const timer = setInterval(() => {
    if (session.closedWith) clearInterval(timer);
    for (const { id, type } of said(session).requests.slice(answered)) {
      answered += 1;
      const ok = type === 'join' ? joined('PA_1') : type === 'resume' ? { participant: 'PA_1', after: 0, to: 0, ice_servers: [] } : {};
      const reply = type === 'offer' ? { sdp: 'answer' } : ok;
      session.told.tell(frame(new TextEncoder().encode(JSON.stringify({ re: id, ok: reply }))));
    }
  }, 2);
}

async function enter(): Promise<FakeWebTransport> {
  const joining = stage.room.connect('ws://127.0.0.1:1/v1/ws', 'token', {
    transports: ['webtransport'],
    webtransport: { url: 'https://rooms.example/v1/webtransport' },
  });
  await eventually(() => expect(network.sessions).toHaveLength(1));
  serve(network.newest);
  await joining;
  return network.newest;
}

test('all data goes by the session, even where channels are open', async () => {
  const session = await enter();
  const { data } = stage.room;
  const { channels } = FakePeerConnection.newest;
  for (const channel of channels) channel.readyState = 'open';
  expect(data.path('lossy')).toBe('webtransport');
  await data.topic('cursor', { reliability: 'lossy' }).send('l');
  await data.send('r');
  await eventually(() => expect(said(session).envelopes.map((bytes) => text(decodeEnvelope(bytes)!.payload))).toEqual(['r']));
  expect(session.datagramsOut.chunks.map((bytes) => decodeEnvelope(bytes)!)).toMatchObject([{ lossy: true, subscribers: true, topic: 'cursor' }]);
  expect(channels.flatMap((channel) => channel.sent)).toEqual([]);
  const heard: string[] = [];
  data.on(({ topic, payload, from, reliability }) => heard.push(`${topic}/${text(payload)}/${from}/${reliability}`));
  const envelope = { subscribers: false, sender: A, topic: 't' };
  session.datagramsIn.tell(encodeEnvelope({ ...envelope, lossy: true, payload: Uint8Array.of(65) }));
  session.told.tell(frame(encodeEnvelope({ ...envelope, lossy: false, payload: Uint8Array.of(66) })));
  await eventually(() => expect(heard.sort()).toEqual([`t/A/${A}/lossy`, `t/B/${A}/reliable`]));
});

test('a session that is lost is opened again for the same participant, and takes the data again', async () => {
  const session = await enter();
  session.end();
  await happened(stage, 'reconnecting');
  await eventually(() => expect(network.sessions).toHaveLength(2));
  serve(network.newest);
  await happened(stage, 'reconnected');
  expect(said(network.newest).requests[0]).toMatchObject({ type: 'resume', secret: 'secret of PA_1' });
  await stage.room.data.send('again');
  await eventually(() => expect(said(network.newest).envelopes).toHaveLength(1));
});

test('a session closed with a code that bars the way is not opened again', async () => {
  const session = await enter();
  session.end(4403, 'not you');
  await happened(stage, 'disconnected');
  expect(network.sessions).toHaveLength(1);
});

test('streams go out with their head, and come in to whoever wants them', async () => {
  const session = await enter();
  const { data } = stage.room;
  const writer = (await data.open('file', { to: [A], head: 'a.txt' })).getWriter();
  await writer.write(Uint8Array.of(1, 2));
  await writer.close();
  const reader = new FrameReader(1_000);
  const [head, rest] = reader.read(Uint8Array.from(session.streamsOut[0]!.bytes));
  expect(decodeEnvelope(head!)).toMatchObject({ to: [A], topic: 'file', payload: new TextEncoder().encode('a.txt') });
  expect(rest).toEqual(Uint8Array.of(1, 2));
  await expect(data.open('file', { head: new Uint8Array(4_097) })).rejects.toMatchObject({ code: 'too_large' });

  const came: DataStream[] = [];
  const stop = data.onStream('file', (stream) => came.push(stream));
  data.onStream('other', () => expect.unreachable());
  await eventually(() => expect(said(session).requests.at(-1)).toMatchObject({ type: 'listen', topics: ['file', 'other'] }));
  const sources = [1, 2].map(() => new FakeSource<Uint8Array<ArrayBuffer>>());
  const begin = (source: FakeSource<Uint8Array<ArrayBuffer>>): void => {
    session.streamsIn.tell(source.readable);
    source.tell(frame(encodeEnvelope({ lossy: false, subscribers: false, sender: A, topic: 'file', payload: Uint8Array.of(72) })));
  };
  begin(sources[0]!);
  await eventually(() => expect(came).toMatchObject([{ from: A, topic: 'file', head: Uint8Array.of(72) }]));
  sources[0]!.tell(Uint8Array.of(5));
  sources[0]!.finish();
  expect(new Uint8Array(await new Response(came[0]!.readable).arrayBuffer())).toEqual(Uint8Array.of(5));
  stop();
  begin(sources[1]!);
  await eventually(() => expect(sources[1]!.cancelled).toMatchObject({ streamErrorCode: 2 }));
});
