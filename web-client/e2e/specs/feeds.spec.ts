/** Event streams as browsers read them: Chromium's own EventSource, and the status page. */
import { expect, test, type Page } from '@playwright/test';

import { expectAccessible } from '../support/accessibility.ts';
import { PageParticipant } from '../support/pages.ts';
import { everybody } from '../support/participant.ts';
import { startServer } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';
import { startStrictProxy } from '../support/strict-proxy.ts';

const ROOM = 'watched';
const { rose, olive } = SIGNATURES;

interface Read {
  opened: number;
  events: { id: string; type: string; seq: number }[];
}

const read = (page: Page): Promise<Read> => page.evaluate(() => (window as unknown as { read: Read }).read);

test('EventSource resumes over a cut, and nothing is lost or told twice', async ({ browser }) => {
  const server = await startServer();
  const proxy = await startStrictProxy(server.url);
  const ana = await PageParticipant.open(browser, rose);
  await ana.join(server.url, ROOM);
  const token = await server.token('--observe', '--room', ROOM);
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${proxy.url}/status`);
  await page.evaluate(
    ([room, secret]) => {
      const seen: Read = { opened: 0, events: [] };
      Object.assign(window, { read: seen });
      const source = new EventSource(`/v1/rooms/${room}/events?access_token=${secret}`);
      source.addEventListener('open', () => (seen.opened += 1));
      for (const type of ['overview', 'chat.posted'] as const) {
        source.addEventListener(type, ({ data, lastEventId }: MessageEvent<string>) => {
          const { seq } = JSON.parse(data) as { seq?: number };
          seen.events.push({ id: lastEventId, type, seq: seq ?? 0 });
        });
      }
    },
    [ROOM, token] as const,
  );
  await expect.poll(async () => (await read(page)).opened).toBe(1);

  const say = (text: string) => ana.page.evaluate((words) => window.orielTest.room().sendChat(words), text);
  const texts = 12;
  for (let number = 1; number <= texts; number += 1) {
    await say(`word ${number}`);
    // Cut, and what is said meanwhile is in the journal.
    if (number % 4 === 0) {
      proxy.allow({ webSockets: true, streams: false });
      proxy.allow({ webSockets: true, streams: true });
    }
  }
  await expect.poll(async () => (await read(page)).events.length, { timeout: 60_000 }).toBe(1 + texts);
  const { opened, events } = await read(page);
  expect(opened).toBeGreaterThan(1);
  expect(events.map(({ type }) => type)).toEqual(['overview', ...Array.from({ length: texts }, () => 'chat.posted')]);
  const numbers = events.slice(1).map(({ seq }) => seq);
  expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
  expect(events.at(-1)?.id.endsWith(`.${numbers.at(-1)}`)).toBe(true);
  await ana.driver.close();
  await proxy.stop();
  await server.stop();
});

test('the status page shows rooms, people and traffic from the feed alone', async ({ browser }, info) => {
  const server = await startServer();
  const [one, other] = [await PageParticipant.open(browser, rose), await PageParticipant.open(browser, olive)];
  await one.join(server.url, ROOM);
  await other.join(server.url, ROOM);
  await expect.poll(() => one.perceives()).toEqual(everybody(olive));

  const context = await browser.newContext({ colorScheme: 'light', viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${server.url}/status`);
  await page.getByLabel('Token of an observer').fill('nonsense');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page.getByRole('alert')).toContainText('token');

  const token = await server.token('--observe');
  await page.goto(`${server.url}/?`);
  await page.goto(`${server.url}/status#token=${token}`);
  await expect(page.getByRole('status')).toHaveText('Live');
  expect(page.url()).not.toContain('token');
  const room = page.getByRole('listitem').filter({ hasText: ROOM });
  await expect(room).toContainText('People');
  await expect(room.getByRole('img')).toHaveAttribute('aria-label', /^Media: 2 /);
  const value = (name: string) => page.locator('article', { hasText: name }).locator('.value');
  await expect(value('Participants')).toHaveText('2');
  await expect(value('To subscribers')).toHaveText(/kbit\/s|Mbit\/s/);
  await expect(value('Memory')).toHaveText(/MB/);
  expect(asked.filter((path) => path.startsWith('/v1/') && path !== '/v1/events')).toEqual([]);

  // A chart needs some points.
  await expect.poll(() => page.locator('path.line').first().getAttribute('d')).toMatch(/L.*L.*L/);
  await expectAccessible(page, 'status');
  await page.screenshot({ path: info.outputPath('status-light.png'), fullPage: true });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.screenshot({ path: info.outputPath('status-dark.png'), fullPage: true });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: info.outputPath('status-phone.png'), fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(wide).toBeLessThanOrEqual(390);

  await other.driver.close();
  await expect(value('Participants')).toHaveText('1');
  await one.driver.close();
  await expect(value('Participants')).toHaveText('0');
  await context.close();
  await server.stop();
});
