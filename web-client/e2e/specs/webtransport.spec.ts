/** WebTransport: messages and streams between pages that are in a room in different ways, and a call by it. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import { expect, test, type Page } from '@playwright/test';

import { expectAccessible } from '../support/accessibility.ts';
import { CHROMIUM_WITH_QUIC, complaintsOf } from '../support/chromium.ts';
import { Member, type MemberWay } from '../support/member.ts';
import { PageParticipant } from '../support/pages.ts';
import { everybody } from '../support/participant.ts';
import { startServer, type Server } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';

const { rose, olive, violet } = SIGNATURES;
const WAYS: readonly MemberWay[] = ['webtransport', 'channel', 'websocket'];
const PATHS: Readonly<Record<MemberWay, string>> = { webtransport: 'webtransport', channel: 'channel', websocket: 'signaling' };

test.use({ launchOptions: CHROMIUM_WITH_QUIC });


let server: Server;

test.beforeAll(async () => {
  server = await startServer();
});

test.afterAll(async () => {
  await server?.stop();
});

/** What the server says to somebody who wants in. */
async function invitation(room: string, url = server.url): Promise<{ token: string; webtransport: { url: string; certificate_hashes: string[] } }> {
  const response = await fetch(`${url}/v1/join`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ room, name: 'Bare' }) });
  return (await response.json()) as Awaited<ReturnType<typeof invitation>>;
}

test.describe('messages between a session, data channels and a WebSocket', () => {
  const members = new Map<MemberWay, Member>();
  const ids = new Map<MemberWay, string>();

  test.beforeAll(async ({ browser }) => {
    for (const way of WAYS) {
      const member = await Member.open(browser, server.url, way);
      members.set(way, member);
      ids.set(way, await member.join('mixed', way));
      await member.page.evaluate(() => {
        window.orielMember.listen('reliable', {});
        window.orielMember.listen('lossy', { reliability: 'lossy', ordered: true });
      });
    }
    for (const way of WAYS) await expect.poll(() => members.get(way)!.path(), way).toBe(PATHS[way]);
  });

  test.afterAll(async () => {
    for (const member of members.values()) await member.close();
  });

  for (const way of WAYS) {
    test(`by ${way}: reliable ones come all and in order, lossy ones while they are worth it`, async () => {
      const sender = members.get(way)!;
      const others = WAYS.filter((other) => other !== way);
      const from = ids.get(way)!;
      // Who has just said what it listens to may not be known yet to listen.
      await expect
        .poll(async () => {
          await sender.page.evaluate(() => window.orielMember.send('reliable', ['ready'], {}));
          const heard = await Promise.all(others.map((other) => members.get(other)!.heard()));
          return heard.every((texts) => texts.includes(`ready/${from}/reliable`));
        })
        .toBe(true);
      const texts = Array.from({ length: 50 }, (_, index) => `${way}-${index}`);
      await sender.page.evaluate(async (all) => {
        await window.orielMember.send('reliable', all, {});
        await window.orielMember.send('lossy', all, { reliability: 'lossy', ordered: true });
      }, texts);
      for (const other of others) {
        const heard = async (kind: string) => (await members.get(other)!.heard()).filter((text) => text.startsWith(way) && text.endsWith(`/${from}/${kind}`)).map((text) => text.split('/')[0]);
        await expect.poll(() => heard('reliable'), `${other} hears all`).toEqual(texts);
        await expect.poll(async () => (await heard('lossy')).length, `${other} hears lossy ones`).toBeGreaterThan(0);
        const lossy = await heard('lossy');
        expect(lossy, 'in order').toEqual(texts.filter((text) => lossy.includes(text)));
      }
      expect((await sender.heard()).filter((text) => text.startsWith(way))).toEqual([]);
    });
  }

  test('what is for one reaches that one alone, whichever way both are in', async () => {
    for (const way of WAYS) {
      for (const to of WAYS.filter((other) => other !== way)) {
        await members.get(way)!.page.evaluate(([text, id]) => window.orielMember.send('reliable', [text!], {}, [id!]), [`${way} to ${to}`, ids.get(to)!]);
        await expect.poll(() => members.get(to)!.heard()).toContain(`${way} to ${to}/${ids.get(way)}/reliable`);
      }
    }
    for (const way of WAYS) {
      const whispered = (await members.get(way)!.heard()).filter((text) => text.includes(' to '));
      expect(whispered.every((text) => text.includes(`to ${way}/`))).toBe(true);
    }
  });

  test('a lossy message has the same limit by every way, and the error names it', async () => {
    const sizes = new Set<number>();
    for (const way of WAYS) {
      const { page } = members.get(way)!;
      const size = await page.evaluate(() => window.orielMember.room.data.maxSize('lossy', 'lossy'));
      sizes.add(size);
      const refused = page.evaluate((length) => window.orielMember.send('lossy', ['x'.repeat(length + 1)], { reliability: 'lossy' }), size);
      await expect(refused).rejects.toThrow(String(size));
      expect(await page.evaluate((length) => window.orielMember.send('lossy', ['x'.repeat(length)], { reliability: 'lossy' }), size)).toBe(1);
    }
    expect(sizes.size).toBe(1);
  });

  test('who comes later is told the last value of a topic, by every way', async ({ browser }) => {
    await members.get('webtransport')!.page.evaluate(() => window.orielMember.send('page', ['6', '7'], { retain: true }));
    for (const way of WAYS) {
      const late = await Member.open(browser, server.url, `late ${way}`);
      await late.page.evaluate(() => window.orielMember.listen('page', {}));
      await late.join('mixed', way);
      await expect.poll(() => late.heard()).toEqual([`7/${ids.get('webtransport')}/reliable/retained`]);
      await members.get('channel')!.page.evaluate((text) => window.orielMember.send('page', [text], { retain: true }), `after ${way}`);
      await expect.poll(() => late.heard()).toContain(`after ${way}/${ids.get('channel')}/reliable`);
      await members.get('webtransport')!.page.evaluate(() => window.orielMember.send('page', ['7'], { retain: true }));
      await late.close();
    }
  });

  test('a session that the server loses is opened again', async () => {
    const { page } = members.get('webtransport')!;
    await server.crash();
    await expect.poll(() => members.get('webtransport')!.told()).toContain('reconnected');
    await expect.poll(() => members.get('webtransport')!.path()).toBe('webtransport');
    await expect.poll(() => members.get('websocket')!.told()).toContain('reconnected');
    const text = 'after the crash';
    await expect
      .poll(async () => {
        await page.evaluate((one) => window.orielMember.send('reliable', [one], {}), text);
        return (await members.get('websocket')!.heard()).some((heard) => heard.startsWith(text));
      })
      .toBe(true);
  });
});

test('a stream goes to those who listen, whole; one gives it up and disturbs nobody', async ({ browser }) => {
  const [sender, whole, quitter] = await Promise.all(['sender', 'whole', 'quitter'].map((name) => Member.open(browser, server.url, name)));
  const id = await sender!.join('bulk', 'webtransport');
  for (const each of [whole!, quitter!]) await each.join('bulk', 'webtransport');
  await whole!.page.evaluate(() => window.orielMember.take('file'));
  await quitter!.page.evaluate(() => window.orielMember.take('file', 100_000));
  // Until the server knows who listens, a stream may reach nobody.
  await expect
    .poll(async () => {
      await sender!.page.evaluate(() => window.orielMember.stream('file', 10, 'probe'));
      return Promise.all([whole!, quitter!].map(async (each) => (await each.streams()).some((one) => one.startsWith('probe/'))));
    })
    .toEqual([true, true]);
  const bytes = 8 << 20;
  const sent = await sender!.page.evaluate((count) => window.orielMember.stream('file', count, 'a.bin'), bytes);
  await expect.poll(() => whole!.streams()).toContain(`a.bin/${id}/${bytes}/${sent}`);
  const given = (await quitter!.streams()).find((one) => one.startsWith('a.bin/'));
  expect(Number(given?.split('/')[2])).toBeLessThan(bytes);
  for (const each of [sender!, whole!, quitter!]) await each.close();
});

test('a call is held with signaling by a session', async ({ browser }) => {
  const [one, two, three] = await Promise.all([rose, olive, violet].map((signature) => PageParticipant.open(browser, signature)));
  const path = (of: PageParticipant) => of.page.evaluate(() => window.orielTest.room().data.path());
  for (const each of [one!, two!]) await each.join(server.url, 'call?transports=webtransport');
  await three!.join(server.url, 'call');
  await expect.poll(() => one!.perceives()).toEqual(everybody(olive, violet));
  await expect.poll(() => three!.perceives()).toEqual(everybody(rose, olive));
  expect([await path(one!), await path(two!)]).toEqual(['webtransport', 'webtransport']);
  expect(await path(three!)).not.toBe('webtransport');
  await three!.page.evaluate(() => window.orielTest.room().sendChat('hello'));
  await one!.page.evaluate(() => window.orielTest.room().sendChat('hello, too'));
  const read = (of: PageParticipant) => of.page.evaluate(() => window.orielTest.room().chat.map(({ text }) => text));
  for (const each of [one!, two!, three!]) await expect.poll(() => read(each)).toEqual(['hello', 'hello, too']);
  // A tab that is closed says good-bye: it is not waited for.
  await three!.happenings();
  await two!.driver.close();
  const gone = () => three!.perceives();
  await expect.poll(gone, { timeout: 8_000 }).toEqual(everybody(rose));
  for (const each of [one!, three!]) {
    expect(complaintsOf(each.page)).toEqual([]);
    await each.driver.close();
  }
});

test('one UDP port is enough for media and sessions', async ({ browser }) => {
  const only = await startServer({ ORIEL__WEBTRANSPORT__SHARE_MEDIA_PORT: 'true', ORIEL__ICE__TURN: 'false', ORIEL__SFU__TCP: 'false' });
  const [one, two] = await Promise.all([rose, olive].map((signature) => PageParticipant.open(browser, signature)));
  for (const each of [one!, two!]) await each.join(only.url, 'call?transports=webtransport');
  await expect.poll(() => one!.perceives()).toEqual(everybody(olive));
  await expect.poll(() => two!.perceives()).toEqual(everybody(rose));
  for (const each of [one!, two!]) expect(await each.page.evaluate(() => window.orielTest.room().data.path())).toBe('webtransport');
  const { webtransport: place } = await invitation('call', only.url);
  expect(new URL(place.url).port).toBe(String(only.mediaPort));
  // By UDP nobody listens where HTTP is by TCP.
  const other = createSocket('udp4');
  other.bind(Number(new URL(only.url).port), '127.0.0.1');
  await once(other, 'listening');
  other.close();
  await two!.page.evaluate(() => window.orielTest.keepData());
  await one!.page.evaluate(() => window.orielTest.room().data.send('kept', { topic: 't' }));
  await expect.poll(async () => (await two!.page.evaluate(() => window.orielTest.arrived())).texts).toEqual([`${await one!.id()}/t/kept`]);
  for (const each of [one!, two!]) {
    expect(complaintsOf(each.page)).toEqual([]);
    await each.driver.close();
  }
  await only.stop();
});

test('sessions are closed with the codes of a WebSocket', async ({ browser }) => {
  const member = await Member.open(browser, server.url, 'codes');
  const { webtransport: place, token } = await invitation('codes');
  /** How a session ends that says this, with as many bytes as a length announces. */
  const end = (said: readonly number[]) =>
    member.page.evaluate(
      async ({ url, hashes, bytes }) => {
        const value = (hash: string) => Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0));
        const session = new WebTransport(url, { serverCertificateHashes: hashes.map((hash) => ({ algorithm: 'sha-256', value: value(hash) })) });
        await session.ready;
        const { writable } = await session.createBidirectionalStream();
        const writer = (writable as WritableStream<Uint8Array>).getWriter();
        await writer.write(Uint8Array.from(bytes));
        const { closeCode, reason } = await session.closed;
        return { closeCode, hasWords: (reason ?? '').length > 0 };
      },
      { url: place.url, hashes: place.certificate_hashes, bytes: [...said] },
    );
  const json = (value: unknown): number[] => {
    const body = new TextEncoder().encode(JSON.stringify(value));
    return [0, 0, body.length >> 8, body.length & 255, ...body];
  };
  expect(await end(json({ id: 1, type: 'join', token: `${token}x` }))).toEqual({ closeCode: 4401, hasWords: true });
  expect(await end([0, 0, 0, 2, 0x7b, 0x7b])).toEqual({ closeCode: 4400, hasWords: true });
  expect(await end([0xff, 0xff, 0xff, 0xff])).toEqual({ closeCode: 1009, hasWords: true });
  // To the SDK they are errors that say whether to try again.
  const wrong = member.page.evaluate(({ url, bad, at }) => window.orielMember.connect(url, bad, { transports: ['webtransport'], webtransport: at }), { url: server.url, bad: `${token}x`, at: place });
  await expect(wrong).rejects.toThrow('unauthorized');
  await member.close();
});

test('where no UDP gets through, the room is joined by the WebSocket, and soon', async ({ browser }) => {
  const silent = createSocket('udp4');
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address();
  const { token, webtransport } = await invitation('blocked');
  const member = await Member.open(browser, server.url, 'blocked');
  const place = { ...webtransport, url: `https://127.0.0.1:${port}/v1/webtransport` };
  const spent = await member.page.evaluate(
    async ({ url, word, at }) => {
      const begun = performance.now();
      await window.orielMember.connect(url, word, { transports: ['webtransport', 'websocket'], webtransport: at, media: false });
      return performance.now() - begun;
    },
    { url: server.url, word: token, at: place },
  );
  expect(await member.path()).toBe('signaling');
  // A handshake that nobody answers would take ten seconds.
  expect(spent).toBeLessThan(5_000);
  await member.close();
  silent.close();
});

test('the page of cursors shows every pointer, and how long each takes', async ({ browser }, info) => {
  const open = async (name: string, way: MemberWay, options: Parameters<typeof browser.newContext>[0]): Promise<Page> => {
    const page = await (await browser.newContext(options)).newPage();
    await page.goto(`${server.url}/demo/cursors?room=board&name=${name}&way=${way}`);
    return page;
  };
  const desk = { viewport: { width: 1100, height: 700 } };
  const ada = await open('Ada', 'webtransport', { ...desk, colorScheme: 'light' });
  const ben = await open('Ben', 'channel', { ...desk, colorScheme: 'dark', reducedMotion: 'reduce' });
  const eve = await open('Eve', 'websocket', { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true });
  const all = [ada, ben, eve];
  for (const page of all) await expect(page.getByTestId('state')).toHaveText('3 people');
  for (const [page, path] of [[ada, 'WebTransport'], [ben, 'Data channel'], [eve, 'WebSocket']] as const) await expect(page.getByTestId('path')).toHaveText(path);
  const at = async (page: Page, x: number, y: number) => {
    const { x: left, y: top, width, height } = (await page.getByTestId('board').boundingBox())!;
    return [left + x * width, top + y * height] as const;
  };
  await ada.mouse.move(...(await at(ada, 0.25, 0.5)));
  await ben.getByTestId('board').focus();
  for (let index = 0; index < 5; index += 1) await ben.keyboard.press('ArrowDown');
  await eve.touchscreen.tap(...(await at(eve, 0.9, 0.3)));
  /** Where a page shows somebody's pointer, in shares of its board. */
  const shown = (page: Page, name: string) =>
    page.evaluate((wanted) => {
      const board = document.querySelector('oriel-cursors')?.shadowRoot?.querySelector('.board');
      const pointer = board?.querySelector(`[data-name="${wanted}"]`);
      if (!board || !pointer) return undefined;
      const [outer, inner] = [board.getBoundingClientRect(), pointer.getBoundingClientRect()];
      return [(inner.x - outer.x) / outer.width, (inner.y - outer.y) / outer.height].map((share) => Math.round(share * 20) / 20);
    }, name);
  for (const page of [ben, eve]) await expect.poll(() => shown(page, 'Ada')).toEqual([0.25, 0.5]);
  for (const page of [ada, eve]) await expect.poll(() => shown(page, 'Ben')).toEqual([0.5, 0.6]);
  for (const page of [ada, ben]) await expect.poll(() => shown(page, 'Eve')).toEqual([0.9, 0.3]);
  // One's own is drawn where the browser shows none.
  await expect.poll(() => shown(eve, 'Eve (you)')).toEqual([0.9, 0.3]);
  for (const page of all) for (const figure of ['p50', 'p99']) await expect(page.getByTestId(figure)).toHaveText(/^\d+(\.\d)? ms$/);
  for (const [name, page] of [['light', ada], ['dark', ben], ['phone', eve]] as const) {
    await expectAccessible(page, name);
    await page.screenshot({ path: info.outputPath(`cursors-${name}.png`) });
  }
  expect(await eve.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await ada.mouse.move(2, 2);
  await expect.poll(() => shown(ben, 'Ada')).toBeUndefined();
  await eve.context().close();
  await expect(ada.getByTestId('state')).toHaveText('2 people', { timeout: 60_000 });
  expect(await shown(ada, 'Eve')).toBeUndefined();
  for (const page of [ada, ben]) await page.context().close();
});
