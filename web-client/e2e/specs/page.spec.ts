/** The pages themselves: clear words, accessibility, phones, the keyboard. Leaves pictures for people to look at. */
import { expect, test, type Browser, type BrowserContextOptions, type Page } from '@playwright/test';

import type { DeviceBehaviour } from '../browser/devices.ts';
import { expectAccessible } from '../support/accessibility.ts';
import { chromiumParticipants } from '../support/call.ts';
import { chromiumDriver, complaintsOf, openChromiumPage } from '../support/chromium.ts';
import { Participant } from '../support/participant.ts';
import { startServer, type Server } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';

const { rose, olive, violet, amber } = SIGNATURES;

let server: Server;

test.beforeAll(async () => {
  server = await startServer();
});

test.afterAll(async () => {
  await server?.stop();
});

const REFUSALS: { devices: DeviceBehaviour; when: string; title: RegExp; advice: RegExp }[] = [
  { devices: 'refused', when: 'are refused', title: /camera and microphone are not allowed/, advice: /address bar/ },
  { devices: 'missing', when: 'are missing', title: /No camera or microphone found/, advice: /take part without/ },
];

for (const { devices, when, title, advice } of REFUSALS) {
  test(`clear words when camera and microphone ${when}, and a way in all the same`, async ({ browser }) => {
    const room = `without-${devices}`;
    const page = await openPage(browser, devices);
    await page.goto(`${server.url}/r/${room}`);
    const trouble = page.getByTestId('device-trouble');
    await expect(trouble).toContainText(title);
    await expect(trouble).toContainText(advice);
    await expectAccessible(page, `pre-join when devices ${when}`);
    await screenshot(page, `pre-join-${devices}`);

    const [other] = (await chromiumParticipants(browser, olive)) as [Participant];
    const bare = new Participant(rose, chromiumDriver(page));
    await bare.enter();
    await other.join(server.url, room);
    await expect.poll(() => bare.perceives()).toEqual({ [olive.name]: { picture: olive.name, sound: olive.name } });
    expect(await other.tile(rose.name)).toMatchObject({ mutedAudio: true, mutedVideo: true });
    await page.context().close();
    await other.driver.close();
  });
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`home, pre-join and a call are accessible in ${colorScheme} colours`, async ({ browser }) => {
    const page = await openPage(browser, 'granted', { colorScheme });
    const me = new Participant(rose, chromiumDriver(page));
    const room = `colours-${colorScheme}`;
    await page.goto(server.url);
    await expect(page.getByTestId('room-name')).toBeVisible();
    await expectAccessible(page, 'home');
    await screenshot(page, `home-${colorScheme}`);

    await page.goto(`${server.url}/r/${room}`);
    await expect(page.getByTestId('preview')).toBeVisible();
    await expectAccessible(page, 'pre-join');
    await screenshot(page, `pre-join-${colorScheme}`);

    const others = await chromiumParticipants(browser, olive, violet);
    for (const other of others) await other.join(server.url, room);
    await me.enter();
    await expect.poll(async () => Object.keys(await me.perceives()).sort()).toEqual([olive.name, violet.name]);
    await page.getByTestId('toggle-chat').click();
    await page.getByTestId('chat-input').fill('Can you all hear the hum?');
    await page.getByTestId('chat-send').click();
    await expect(page.getByTestId('chat-message')).toHaveCount(1);
    await expectAccessible(page, 'call with chat');
    await screenshot(page, `call-chat-${colorScheme}`);
    await page.getByTestId('toggle-people').click();
    await expect(page.getByTestId('people-item')).toHaveCount(3);
    await expectAccessible(page, 'call with people');
    await screenshot(page, `call-people-${colorScheme}`);
    expect(complaintsOf(page), 'errors in the console').toEqual([]);
    await page.context().close();
    for (const other of others) await other.driver.close();
  });
}

test('nothing is wider than a phone', async ({ browser }) => {
  const room = 'pocket';
  const page = await openPage(browser, 'granted', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const me = new Participant(rose, chromiumDriver(page));
  await page.goto(server.url);
  await expect(page.getByTestId('room-name')).toBeVisible();
  await expectNoSidewaysScroll(page, 'home');
  await screenshot(page, 'phone-home');

  await page.goto(`${server.url}/r/${room}`);
  await expect(page.getByTestId('preview')).toBeVisible();
  await expectNoSidewaysScroll(page, 'pre-join');
  await screenshot(page, 'phone-pre-join');

  const others = await chromiumParticipants(browser, olive, violet);
  for (const other of others) await other.join(server.url, room);
  await me.enter();
  await expect.poll(async () => Object.keys(await me.perceives()).sort()).toEqual([olive.name, violet.name]);
  await expectNoSidewaysScroll(page, 'call');
  await screenshot(page, 'phone-call');
  await page.getByTestId('toggle-chat').click();
  await expect(page.getByTestId('chat-input')).toBeVisible();
  await expectNoSidewaysScroll(page, 'call with chat');
  await screenshot(page, 'phone-chat');
  await page.context().close();
  for (const other of others) await other.driver.close();
});

test('a call can be joined and led by the keyboard alone', async ({ browser }) => {
  const page = await openPage(browser, 'granted');
  await page.goto(`${server.url}/r/keys`);
  await page.getByTestId('name-input').focus();
  await page.keyboard.type(rose.name);
  await page.keyboard.press('Enter');
  const microphone = page.getByTestId('toggle-microphone');
  const camera = page.getByTestId('toggle-camera');
  await expect(microphone).toHaveAttribute('aria-pressed', 'true');
  await expect(camera).toHaveAttribute('aria-pressed', 'true');

  await page.keyboard.press('m');
  await expect(microphone).toHaveAttribute('aria-pressed', 'false');
  await page.keyboard.down(' ');
  await expect(microphone, 'held space lets one talk').toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.up(' ');
  await expect(microphone).toHaveAttribute('aria-pressed', 'false');
  await page.keyboard.press('v');
  await expect(camera).toHaveAttribute('aria-pressed', 'false');

  await page.keyboard.press('c');
  await expect(page.getByTestId('chat-input')).toBeFocused();
  await page.keyboard.type('mvp');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('chat-message')).toContainText('mvp');
  await expect(microphone, 'letters in a text field are letters').toHaveAttribute('aria-pressed', 'false');
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('chat-input')).toBeHidden();
  await page.keyboard.press('p');
  await expect(page.getByTestId('people-item')).toHaveCount(1);
  await page.context().close();
});

test('the own picture is a mirror, those of others are not', async ({ browser }) => {
  const [me, other] = (await chromiumParticipants(browser, rose, olive)) as [Participant, Participant];
  await me.join(server.url, 'mirror');
  await other.join(server.url, 'mirror');
  await expect.poll(async () => Object.keys(await me.perceives())).toEqual([olive.name]);
  expect(await me.tile(rose.name)).toMatchObject({ local: true, mirrored: true });
  expect(await me.tile(olive.name)).toMatchObject({ local: false, mirrored: false });
  for (const { driver } of [me, other]) await driver.close();
});

function openPage(browser: Browser, devices: DeviceBehaviour, options: BrowserContextOptions = {}): Promise<Page> {
  return openChromiumPage(browser, { signature: rose, screen: amber, devices }, { viewport: { width: 1280, height: 800 }, ...options });
}

async function screenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ animations: 'disabled', path: `${test.info().project.outputDir}/screens/${name}.png` });
}

async function expectNoSidewaysScroll(page: Page, what: string): Promise<void> {
  const { content, window } = await page.evaluate(() => ({
    content: document.documentElement.scrollWidth,
    window: document.documentElement.clientWidth,
  }));
  expect(content, `${what}: width of the content`).toBeLessThanOrEqual(window);
}
