/** Rooms in a language that is written from right to left: the words, the direction, the pictures to look at. */
import { expect, test, type BrowserContextOptions, type Page } from '@playwright/test';

import { expectAccessible } from '../support/accessibility.ts';
import { chromiumParticipants } from '../support/call.ts';
import { chromiumDriver, complaintsOf, openChromiumPage } from '../support/chromium.ts';
import { Participant } from '../support/participant.ts';
import { startServer, type Server } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';

const { rose, olive, amber } = SIGNATURES;

let server: Server;

test.beforeAll(async () => {
  server = await startServer();
});

test.afterAll(async () => {
  await server?.stop();
});

const LOOKS: readonly (readonly [name: string, options: BrowserContextOptions])[] = [
  ['light', { colorScheme: 'light', viewport: { width: 1280, height: 800 } }],
  ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 800 } }],
  ['phone', { colorScheme: 'light', viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }],
];

for (const [name, options] of LOOKS) {
  test(`a call in Arabic, from the start page to the way out (${name})`, async ({ browser }) => {
    const page = await openChromiumPage(browser, { signature: rose, screen: amber, devices: 'granted' }, options);
    const me = new Participant(rose, chromiumDriver(page));
    const room = `arabic-${name}`;
    await page.goto(`${server.url}/?lang=ar`);
    await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
    await expect(page.getByTestId('new-room')).toHaveText('غرفة جديدة');
    await look(page, `arabic-home-${name}`);

    await page.goto(`${server.url}/r/${room}?lang=ar`);
    await expect(page.locator('html')).toHaveAttribute('lang', 'ar');
    await expect(page.getByTestId('join-button')).toHaveText('انضمام الآن');
    await look(page, `arabic-pre-join-${name}`);

    // The other one has the same room in English.
    const [other] = (await chromiumParticipants(browser, olive)) as [Participant];
    await other.join(server.url, room);
    await me.enter();
    await expect.poll(async () => Object.keys(await me.perceives())).toEqual([olive.name]);
    await expect(page.getByTestId('toggle-microphone')).toHaveAttribute('aria-label', 'الميكروفون مُشغّل');
    await look(page, `arabic-call-${name}`);

    await page.getByTestId('toggle-chat').click();
    await page.getByTestId('chat-input').fill('مرحبًا');
    await page.getByTestId('chat-send').click();
    await expect(page.getByTestId('chat-message')).toHaveCount(1);
    await look(page, `arabic-chat-${name}`);
    await page.keyboard.press('Escape');
    await page.getByTestId('toggle-people').click();
    await expect(page.getByTestId('people-item')).toHaveCount(2);
    await look(page, `arabic-people-${name}`);
    await page.keyboard.press('Escape');
    await page.getByTestId('more').click();
    await page.getByTestId('open-settings').click();
    await expect(page.getByTestId('device-audioinput')).toBeVisible();
    await look(page, `arabic-settings-${name}`);
    await page.keyboard.press('Escape');

    await page.getByTestId('leave').click();
    await expect(page.getByTestId('left')).toContainText('غادرت الغرفة');
    await look(page, `arabic-left-${name}`);
    expect(complaintsOf(page), 'errors in the console').toEqual([]);
    await page.context().close();
    await other.driver.close();
  });
}

for (const [name, options] of LOOKS) {
  test(`the page of cursors in Arabic (${name})`, async ({ browser }) => {
    const page = await openChromiumPage(browser, { signature: rose, screen: amber, devices: 'granted' }, options);
    await page.goto(`${server.url}/demo/cursors?lang=ar&way=websocket`);
    await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
    await expect(page.getByTestId('state')).toHaveText('أنت وحدك');
    await look(page, `arabic-cursors-${name}`);
    await page.context().close();
  });
}

test('the browser’s language is taken where none is chosen', async ({ browser }) => {
  const page = await openChromiumPage(browser, { signature: rose, screen: amber, devices: 'granted' }, { locale: 'ar-EG' });
  await page.goto(`${server.url}/r/by-browser`);
  await expect(page.getByTestId('join-button')).toHaveText('انضمام الآن');
  await page.goto(`${server.url}/r/by-browser?lang=en`);
  await expect(page.getByTestId('join-button')).toHaveText('Join now');
  await page.context().close();
});

/** A picture for people, and what a program can say of it. */
async function look(page: Page, name: string): Promise<void> {
  await page.screenshot({ animations: 'disabled', path: `${test.info().project.outputDir}/screens/${name}.png` });
  const { content, window } = await page.evaluate(() => ({
    content: document.documentElement.scrollWidth,
    window: document.documentElement.clientWidth,
  }));
  expect(content, `${name}: width of the content`).toBeLessThanOrEqual(window);
  await expectAccessible(page, name);
}
