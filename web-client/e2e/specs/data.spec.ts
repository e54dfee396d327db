/** An application's own messages between browsers, by every way that they can take. */
import { expect, test } from '@playwright/test';

import { PageParticipant } from '../support/pages.ts';
import { everybody } from '../support/participant.ts';
import { startServerBehindRelay } from '../support/placed-server.ts';
import { startServer, type Server } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';

const { rose, olive, violet } = SIGNATURES;
const ROOM = 'post-office';

/** `from/topic/text` of what came to somebody's page. */
async function texts(of: PageParticipant): Promise<readonly string[]> {
  return (await of.page.evaluate(() => window.orielTest.arrived())).texts;
}

test.describe('between three', () => {
  test.describe.configure({ mode: 'serial' });

  let server: Server;
  let one: PageParticipant;
  let two: PageParticipant;
  let three: PageParticipant;
  let id: string;

  test.beforeAll(async ({ browser }) => {
    server = await startServer();
    one = await PageParticipant.open(browser, rose);
    two = await PageParticipant.open(browser, olive);
    three = await PageParticipant.open(browser, violet);
    for (const each of [one, two, three]) await each.join(server.url, ROOM);
    await expect.poll(() => one.perceives()).toEqual(everybody(olive, violet));
    await expect.poll(() => three.perceives()).toEqual(everybody(rose, olive));
    for (const each of [one, two, three]) await each.page.evaluate(() => window.orielTest.keepData());
    id = await one.id();
  });

  test.afterAll(async () => {
    for (const each of [one, two, three]) await each?.driver.close();
    await server?.stop();
  });

  test('reliable and lossy messages reach the others, and never their sender', async () => {
    await one.page.evaluate(async () => {
      const { data } = window.orielTest.room();
      for (const text of ['a', 'b', 'c']) await data.send(text, { topic: 't' });
    });
    const expected = ['a', 'b', 'c'].map((text) => `${id}/t/${text}`);
    for (const each of [two, three]) await expect.poll(() => texts(each), each.name).toEqual(expected);
    // One of these may get lost; all of many do not.
    await one.page.evaluate(async () => {
      const { data } = window.orielTest.room();
      for (let index = 0; index < 20; index += 1) await data.send(`${index}`, { topic: 'lossy', reliability: 'lossy' });
    });
    for (const each of [two, three]) await expect.poll(async () => (await texts(each)).filter((text) => text.includes('/lossy/')).length).toBeGreaterThan(0);
    expect(await texts(one)).toEqual([]);
  });

  test('what is for one reaches nobody else', async () => {
    const other = await two.id();
    await one.page.evaluate(async (to) => {
      const { data } = window.orielTest.room();
      await data.send('secret', { to: [to] });
      await data.send('after', {});
    }, other);
    await expect.poll(() => texts(two)).toContain(`${id}//secret`);
    await expect.poll(() => texts(three)).toContain(`${id}//after`);
    expect(await texts(three)).not.toContain(`${id}//secret`);
  });

  test('messages for listeners of a topic reach those alone', async () => {
    await three.page.evaluate(() => window.orielTest.keepData('cursor'));
    await expect
      .poll(async () => {
        await one.page.evaluate(() => window.orielTest.room().data.topic('cursor').send('here'));
        return texts(three);
      })
      .toContain(`${id}/cursor/here`);
    await one.page.evaluate(() => window.orielTest.room().data.send('end'));
    await expect.poll(() => texts(two)).toContain(`${id}//end`);
    expect((await texts(two)).filter((text) => text.includes('/cursor/'))).toEqual([]);
  });

  test('who has no peer connection gets it by the signaling connection, and sends by it', async () => {
    const page = await one.page.context().newPage();
    await page.goto(server.url);
    await page.evaluate(async (room) => {
      const response = await fetch('/v1/join', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ room, name: 'Bare' }),
      });
      const { token, url } = (await response.json()) as { token: string; url: string };
      const socket = new WebSocket(url, 'oriel.v1');
      socket.binaryType = 'arraybuffer';
      const bare = { socket, frames: [] as number[][], replies: [] as unknown[] };
      (window as unknown as { bare: typeof bare }).bare = bare;
      socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
        if (data instanceof ArrayBuffer) bare.frames.push([...new Uint8Array(data)]);
        else if (data.startsWith('{"re":')) bare.replies.push(JSON.parse(data));
      };
      socket.onopen = () => socket.send(JSON.stringify({ id: 1, type: 'join', token }));
    }, ROOM);
    const bare = () => page.evaluate(() => (window as unknown as { bare: { frames: number[][]; replies: object[] } }).bare);
    await expect.poll(async () => (await bare()).replies.length).toBe(1);
    await one.page.evaluate(() => window.orielTest.room().data.send('to all', { topic: 'x' }));
    await expect.poll(async () => (await bare()).frames.map((frame) => String.fromCharCode(...frame.slice(-7)))).toEqual(['xto all']);
    // An envelope with the number 7: version, flags ID, number, topic, payload.
    await page.evaluate(() => {
      const { socket } = (window as unknown as { bare: { socket: WebSocket } }).bare;
      socket.send(new Uint8Array([1, 8, 0, 0, 0, 0, 0, 0, 0, 7, 1, 120, 104, 105]));
    });
    await expect.poll(async () => (await bare()).replies.slice(1)).toEqual([{ re: 7, ok: {} }]);
    await expect.poll(async () => (await texts(two)).map((text) => text.replace(/^PA_\w+/, ''))).toContain('/x/hi');
    await page.close();
  });
});

test('ten megabytes arrive whole where a tenth of all packets is lost', async ({ browser }) => {
  // SCTP makes some 40 to 65 KB/s of such a path.
  test.setTimeout(600_000);
  const server = await startServerBehindRelay(3);
  const [one, two] = [await PageParticipant.open(browser, rose), await PageParticipant.open(browser, olive)];
  await one.join(server.url, ROOM);
  await two.join(server.url, ROOM);
  await expect.poll(() => two.perceives()).toEqual(everybody(rose));
  await two.page.evaluate(() => window.orielTest.keepData());
  await server.relay.set({ loss: 0.1 });
  const sent = await one.page.evaluate(() => window.orielTest.sendBytes(10_000_000, 16_000));
  const arrived = () => two.page.evaluate(() => window.orielTest.arrived());
  await expect.poll(async () => (await arrived()).bytes, { timeout: 60_000, intervals: [1_000] }).toBe(10_000_000);
  expect(await arrived()).toMatchObject({ messages: 625, sha256: sent });
  for (const each of [one, two]) await each.driver.close();
  await server.stop();
});
