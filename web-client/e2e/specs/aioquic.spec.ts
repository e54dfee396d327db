/** WebTransport with aioquic, an implementation of QUIC and HTTP/3 that shares no code with browsers or with us. */
import { createHash, randomBytes } from 'node:crypto';

import { expect, test } from '@playwright/test';

import { AioquicParticipant } from '../support/aioquic.ts';
import { CHROMIUM_WITH_QUIC } from '../support/chromium.ts';
import { Member } from '../support/member.ts';
import { PageParticipant } from '../support/pages.ts';
import { startServer, type Server } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';

const ROOM = 'post-office';

test.use({ launchOptions: CHROMIUM_WITH_QUIC });
test.describe.configure({ mode: 'serial' });

let server: Server;
let page: PageParticipant;
let aioquic: AioquicParticipant;

test.beforeAll(async ({ browser }) => {
  server = await startServer();
  page = await PageParticipant.open(browser, SIGNATURES.rose);
  await page.join(server.url, ROOM);
  await page.page.evaluate(() => window.orielTest.keepData());
  await page.page.evaluate(joinBySocket, ROOM);
  aioquic = await AioquicParticipant.join(server.url, ROOM, 'Quinn');
});

test.afterAll(async () => {
  await aioquic?.stop();
  await page?.driver.close();
  await server?.stop();
});

/** An envelope without an ID: flags, topic `t`, payload; in hexadecimal. */
const envelope = (flags: number, payload: string) => Buffer.from([1, flags, 1, ...Buffer.from(`t${payload}`)]).toString('hex');

const LOSSY = 0x01;

/** One more participant of this page, by a WebSocket alone. */
async function joinBySocket(room: string): Promise<void> {
  const response = await fetch('/v1/join', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ room, name: 'Websocket' }),
  });
  const { token, url } = (await response.json()) as { token: string; url: string };
  const socket = new WebSocket(url, 'oriel.v1');
  socket.binaryType = 'arraybuffer';
  const kept: string[] = [];
  Object.assign(window, { bySocket: { socket, kept } });
  await new Promise((resolve) => (socket.onopen = resolve));
  socket.send(JSON.stringify({ id: 1, type: 'join', token }));
  await new Promise((resolve) => (socket.onmessage = resolve));
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) kept.push(new TextDecoder().decode(data));
  };
}

/** Ends of the envelopes that came by the WebSocket. */
const bySocket = () => page.page.evaluate(() => (window as unknown as { bySocket: { kept: string[] } }).bySocket.kept);

const byPage = async () => (await page.page.evaluate(() => window.orielTest.arrived())).texts;

test('its reliable messages reach data channels and WebSockets', async () => {
  aioquic.send({ reliable: envelope(0, 'kept') });
  await expect.poll(byPage).toEqual([`${aioquic.id}/t/kept`]);
  await expect.poll(async () => (await bySocket()).filter((text) => text.endsWith('tkept')).length).toBe(1);
});

test('its datagrams reach data channels and WebSockets', async () => {
  await expect
    .poll(async () => {
      aioquic.send({ lossy: envelope(LOSSY, 'now') });
      return [(await byPage()).includes(`${aioquic.id}/t/now`), (await bySocket()).some((text) => text.endsWith('tnow'))];
    })
    .toEqual([true, true]);
});

test('it gets what others send: reliable on its stream, lossy as datagrams', async () => {
  const came = () => {
    const text = (hex?: string) => Buffer.from(hex ?? '', 'hex').toString().slice(-4);
    const lines = aioquic.lines();
    const some = (way: 'reliable' | 'lossy', payload: string) => lines.some((line) => text(line[way]) === payload);
    return [some('reliable', 'page'), some('lossy', 'gram'), some('reliable', 'sock')];
  };
  await page.page.evaluate(async () => {
    await window.orielTest.room().data.send('page', { topic: 't' });
    const { socket } = (window as unknown as { bySocket: { socket: WebSocket } }).bySocket;
    // Version 1 with the ID 9, topic `t`.
    socket.send(new Uint8Array([1, 8, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0x74, 0x73, 0x6f, 0x63, 0x6b]));
  });
  await expect
    .poll(async () => {
      await page.page.evaluate(() => window.orielTest.room().data.send('gram', { topic: 't', reliability: 'lossy' }));
      return came();
    })
    .toEqual([true, true, true]);
});

test('streams go both ways between it and a browser, whole', async ({ browser }) => {
  const member = await Member.open(browser, server.url, 'Streams');
  await member.join(ROOM, 'webtransport');
  await member.page.evaluate(() => window.orielMember.take('t'));
  const body = randomBytes(300_000);
  const sent = createHash('sha256').update(body).digest('hex').slice(0, 16);
  aioquic.send({ bulk: envelope(0, 'a.bin'), body: body.toString('hex') });
  await expect.poll(() => member.streams()).toEqual([`a.bin/${aioquic.id}/${body.length}/${sent}`]);

  // What is about a topic comes to those who want it.
  aioquic.send({ frame: JSON.stringify({ id: 2, type: 'listen', topics: ['t'] }) });
  await expect.poll(() => aioquic.lines().some((line) => line.frame?.startsWith('{"re":2,"ok"'))).toBe(true);
  const digest = await member.page.evaluate(() => window.orielMember.stream('t', 300_000, 'b.bin'));
  const came = () => aioquic.lines().find((line) => line.bulk !== undefined);
  await expect.poll(() => came() !== undefined).toBe(true);
  const { bulk, body: back } = came()!;
  expect(Buffer.from(bulk!, 'hex').toString('latin1').endsWith('\x01tb.bin')).toBe(true);
  expect(createHash('sha256').update(Buffer.from(back!, 'hex')).digest('hex').slice(0, 16)).toBe(digest);
  await member.close();
});

/** A session of the page without the SDK, as a browser has it, and what it is told of its end. */
async function openBare(room: string): Promise<boolean> {
  const response = await fetch('/v1/join', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ room, name: 'Bare' }),
  });
  const { token, webtransport } = (await response.json()) as { token: string; webtransport: { url: string; certificate_hashes: string[] } };
  const value = (hash: string) => Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0));
  const session = new WebTransport(webtransport.url, { serverCertificateHashes: webtransport.certificate_hashes.map((hash) => ({ algorithm: 'sha-256', value: value(hash) })) });
  await session.ready;
  const { readable, writable } = await session.createBidirectionalStream();
  const join = new TextEncoder().encode(JSON.stringify({ id: 1, type: 'join', token }));
  await (writable as WritableStream<Uint8Array>).getWriter().write(Uint8Array.of(0, 0, join.length >> 8, join.length & 255, ...join));
  // It has joined when it has the reply. What comes then nobody reads.
  await (readable as ReadableStream<Uint8Array>).getReader().read();
  const told: string[] = [];
  Object.assign(window, { bare: { told } });
  const { draining } = session as { draining?: Promise<void> };
  void draining?.then(() => told.push('draining'));
  void session.closed.then(({ closeCode, reason }) => told.push(`${closeCode} ${reason}`), (error: unknown) => told.push(String(error)));
  return draining !== undefined;
}

test('who leaves while the server drains is closed with that code; who stays, with that of the stop', async () => {
  const stays = await AioquicParticipant.join(server.url, ROOM, 'Quentin');
  const tellsOfDraining = await page.page.evaluate(openBare, ROOM);
  const closed = (of: AioquicParticipant) => of.lines().find((line) => line.closed !== undefined);
  server.drain();
  for (const each of [aioquic, stays]) {
    await expect.poll(() => each.lines().some((line) => line.draining)).toBe(true);
    // The session was request 0: no other is served.
    await expect.poll(() => each.lines().some((line) => line.goaway === 4)).toBe(true);
  }
  aioquic.send({ frame: JSON.stringify({ id: 3, type: 'leave' }) });
  await expect.poll(() => closed(aioquic)).toEqual({ closed: 1000, reason: 'left' });
  await server.stop();
  const stopping = 'the server is stopping';
  await expect.poll(() => closed(stays)).toEqual({ closed: 4503, reason: stopping });
  const told = tellsOfDraining ? ['draining', `4503 ${stopping}`] : [`4503 ${stopping}`];
  await expect.poll(() => page.page.evaluate(() => (window as unknown as { bare: { told: string[] } }).bare.told)).toEqual(told);
  await stays.stop();
});
