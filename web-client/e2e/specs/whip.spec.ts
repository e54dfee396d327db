/** WHIP and WHEP with a client that is not ours, in a page of another origin. */
import { expect, test, type Page } from '@playwright/test';

import { chromiumParticipants } from '../support/call.ts';
import { startForeignSite, type ForeignSite } from '../support/foreign-page.ts';
import { everybody, type Participant } from '../support/participant.ts';
import { startServer, type Server } from '../support/server.ts';
import { nameOfColour, nameOfTone, SIGNATURES } from '../support/signature.ts';

const { rose, amber } = SIGNATURES;
const ROOM = 'stage';

test.describe.configure({ mode: 'serial' });

let server: Server;
let site: ForeignSite;
let guest: Participant;
let publisher: Page;

test.beforeAll(async ({ browser }) => {
  server = await startServer();
  site = await startForeignSite('whip.ts');
  const [participant] = (await chromiumParticipants(browser, rose)) as [Participant];
  guest = participant;
  await guest.join(server.url, ROOM);
  publisher = await browser.newPage();
});

test.afterAll(async () => {
  await publisher?.close();
  await guest?.driver.close();
  await site?.stop();
  await server?.stop();
});

test('what is published by WHIP is seen and heard on the page', async () => {
  const token = await server.token('--room', ROOM, '--identity', 'encoder', '--name', amber.name);
  await publisher.goto(site.url);
  await publisher.evaluate(([url, bearer, signature]) => window.orielWhip.publish(url, bearer, signature), [
    `${server.url}/whip/${ROOM}`,
    token,
    amber,
  ] as const);
  await expect.poll(() => guest.perceives()).toEqual(everybody(amber));
  await guest.seesMoving(amber.name);
});

test('one participant of the page is viewed by WHEP', async ({ page }) => {
  const { identity } = await guest.tile(rose.name);
  await view(page, `/whep/${ROOM}/${identity}`, { audio: 1, video: 1 });
  await expect.poll(() => viewed(page)).toEqual({ pictures: [rose.name], sounds: [rose.name] });
  await page.evaluate(() => window.orielWhip.stop());
});

test('what is published by WHIP is viewed by WHEP', async ({ page }) => {
  await view(page, `/whep/${ROOM}/encoder`, { audio: 1, video: 1 });
  await expect.poll(() => viewed(page)).toEqual({ pictures: [amber.name], sounds: [amber.name] });
  await page.evaluate(() => window.orielWhip.stop());
});

test('a whole room is viewed by WHEP, as many tracks as there are m-lines', async ({ page }) => {
  await view(page, `/whep/${ROOM}`, { audio: 2, video: 2 });
  await expect.poll(() => viewed(page)).toEqual({ pictures: [amber.name, rose.name], sounds: [amber.name, rose.name] });
  await page.evaluate(() => window.orielWhip.stop());
});

test('a viewer is nobody that the room sees', async () => {
  await expect.poll(async () => (await guest.tiles()).map(({ identity }) => identity)).toHaveLength(2);
});

test('an encoder that deletes its session is gone from the page', async () => {
  await publisher.evaluate(() => window.orielWhip.stop());
  await expect.poll(() => guest.perceives()).toEqual({});
});

async function view(page: Page, path: string, lines: { audio: number; video: number }): Promise<void> {
  const token = await server.token('--room', ROOM, '--identity', `viewer-of${path.replaceAll('/', '-')}`);
  await page.goto(site.url);
  await page.evaluate(([url, bearer, count]) => window.orielWhip.view(url, bearer, count), [server.url + path, token, lines] as const);
}

async function viewed(page: Page): Promise<{ pictures: string[]; sounds: string[] }> {
  const { colours, tones } = await page.evaluate(() => window.orielWhip.viewed());
  return { pictures: colours.map(nameOfColour).sort(), sounds: tones.map(nameOfTone).sort() };
}
