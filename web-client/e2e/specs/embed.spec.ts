/** Rooms in a page of another site with a strict policy of its own: in the page's tree, and in a frame. */
import { expect, test, type Browser, type Frame, type FrameLocator, type Locator, type Page } from '@playwright/test';

import type { DeviceBehaviour } from '../browser/devices.ts';
import { expectAccessible } from '../support/accessibility.ts';
import { complaintsOf, openChromiumPage } from '../support/chromium.ts';
import { type HostSite, startHostSite, STRICT } from '../support/host-site.ts';
import { PageParticipant } from '../support/pages.ts';
import { startServer, type Server } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';

const { rose, olive, amber } = SIGNATURES;
const MODES = ['shadow', 'iframe'] as const;
type Mode = (typeof MODES)[number];

/** What a test sees of the element's public face. */
interface Embedded extends HTMLElement {
  readonly status: { phase: string; participants: { name: string }[]; microphone: boolean; panel?: string };
  join(choice?: object): Promise<void>;
  leave(): Promise<void>;
  toggleMicrophone(): Promise<void>;
  toggleChat(): Promise<void>;
  togglePeople(): Promise<void>;
  toggleHand(): Promise<void>;
  sendChatMessage(text: string): Promise<void>;
  diagnose(): Promise<{ device: string; cause: string; fix: string }[]>;
}

let server: Server;
let site: HostSite;

test.beforeAll(async () => {
  server = await startServer();
  site = await startHostSite(server.url);
});

test.afterAll(async () => {
  await site?.stop();
  await server?.stop();
});

for (const mode of MODES) {
  test(`two rooms in a strict page, themed, driven and heard apart (${mode})`, async ({ browser }) => {
    const [tea, coffee] = [`tea-${mode}`, `coffee-${mode}`];
    for (const name of [tea, coffee]) await administer('POST', '/v1/rooms', hosted(name));
    const page = await openPage(browser);
    await listen(page);
    await page.goto(
      site.add(`/two-${mode}`, {
        headers: { 'content-security-policy': STRICT },
        style: `
          body { margin: 12px; color-scheme: light; font-family: sans-serif }
          main { display: grid; grid-template-columns: 1fr 1fr; gap: 12px } h1 { grid-column: 1 / 3 }
          oriel-room { height: 640px }
          #tea { --oriel-accent: rgb(106, 59, 209) }
          #tea::part(toolbar) { background-color: rgb(20, 30, 40) }
          #tea::part(button), #none::part(button) { border-radius: 3px }
          .slotted { padding: 4px 10px }`,
        body: `
          <oriel-room id="tea" room-name="${tea}" ${isolation(mode)}><button class="slotted" slot="header-end" type="button">Invoice</button></oriel-room>
          <oriel-room id="coffee" room-name="${coffee}" ${isolation(mode)}></oriel-room>`,
      }),
    );
    const [left, right] = [inside(page, 'tea', mode), inside(page, 'coffee', mode)];
    await expect(left.getByTestId('join-button')).toBeVisible();
    await expect(right.getByTestId('join-button')).toBeVisible();
    await expectLook(left.getByTestId('join-button'), { 'border-radius': '3px', 'background-color': 'rgb(106, 59, 209)' });
    await expect(right.getByTestId('join-button')).not.toHaveCSS('border-radius', '3px');

    await drive(page, 'tea', (room) => room.join({ name: 'Rose', microphone: true, camera: true }));
    await drive(page, 'coffee', (room) => room.join({ name: 'Rose' }));
    await expect.poll(() => phase(page, 'tea')).toBe('inside');
    await expect.poll(() => phase(page, 'coffee')).toBe('inside');
    await expectLook(left.locator('[part="toolbar"]'), { 'background-color': 'rgb(20, 30, 40)' });
    await expectLook(left.getByTestId('leave'), { 'border-radius': '3px' });
    await expect(right.locator('[part="toolbar"]')).not.toHaveCSS('background-color', 'rgb(20, 30, 40)');

    const link = new URL(page.url());
    await expect(left.locator('.address')).toHaveText(link.host + link.pathname);

    // What the page has put into a slot is the page's own, wherever the room is.
    const invoice = page.getByRole('button', { name: 'Invoice' });
    await page.evaluate(() => document.querySelector('.slotted')?.addEventListener('click', (event) => ((event.target as HTMLElement).dataset['pressed'] = 'yes')));
    await invoice.click();
    await expect(invoice).toHaveAttribute('data-pressed', 'yes');
    await expectWithin(invoice, left.locator('[part="header"]'));

    const guest = await PageParticipant.open(browser, olive);
    await guest.join(server.url, tea);
    await expect.poll(() => page.evaluate(() => (document.querySelector('#tea') as Embedded).status.participants.map(({ name }) => name))).toEqual([olive.name]);
    await expect.poll(() => guest.perceives(), 'the embedded room sends').toEqual({ [rose.name]: { picture: rose.name, sound: rose.name } });
    await drive(page, 'tea', (room) => room.sendChatMessage('Hello from the shop'));
    await guest.show('chat');
    await expect(guest.page.getByTestId('chat-message')).toContainText('Hello from the shop');
    await drive(page, 'tea', (room) => room.toggleMicrophone());
    await expect.poll(async () => (await guest.tile(rose.name)).mutedAudio).toBe(true);

    // Keys that are not meant for a room reach none, and one room's not the other.
    await page.getByRole('heading', { name: 'A shop' }).click();
    await page.keyboard.press('c');
    expect(await panels(page)).toEqual([undefined, undefined]);
    await right.getByTestId('toggle-people').focus();
    await page.keyboard.press('c');
    await expect.poll(() => panels(page)).toEqual([undefined, 'chat']);
    await drive(page, 'coffee', (room) => room.toggleChat());

    for (const method of ['toggleChat', 'togglePeople'] as const) {
      await drive(page, 'tea', (room, name) => (room as unknown as Record<string, () => Promise<void>>)[name]?.(), method);
      await expect.poll(() => panels(page)).toEqual([method === 'toggleChat' ? 'chat' : 'people', undefined]);
      await expectAccessible(page, `${mode}, ${method}`);
      for (const frame of roomFrames(page)) await expectAccessible(frame, `${mode}, ${method}`);
      await screenshot(page, `embed-${mode}-${method}`);
    }

    await drive(page, 'tea', (room) => room.leave());
    await expect.poll(() => phase(page, 'tea')).toBe('outside');
    expect(await phase(page, 'coffee')).toBe('inside');
    const told = await heard(page);
    expect(told.tea).toEqual(['oriel-ready', 'oriel-joined', 'oriel-participant-connected', 'oriel-chat-message', 'oriel-participant-disconnected', 'oriel-left']);
    expect(told.coffee).toEqual(['oriel-ready', 'oriel-joined']);
    expect(complaintsOf(page), 'breaches of the page’s policy, and other errors').toEqual([]);
    await guest.driver.close();
    await page.context().close();
  });

  test(`a ticket lets its page in once (${mode})`, async ({ browser }) => {
    const room = `ticket-${mode}`;
    const show = async (ticket: string): Promise<Page> => {
      const page = await openPage(browser);
      const body = `<oriel-room id="tea" room-name="${room}" prejoin="off" ticket="${ticket}" ${isolation(mode)}></oriel-room>`;
      await page.goto(site.add(`/ticket-${mode}-${ticket}`, { body }));
      return page;
    };
    const outcome = (page: Page): Promise<string> =>
      page.evaluate(() => {
        const { status } = document.querySelector('#tea') as Embedded;
        return status.phase === 'inside' || status.phase === 'outside' ? status.phase : '';
      });
    const mine = await mint(room, site.origin);
    const first = await show(mine);
    await expect.poll(() => outcome(first)).toBe('inside');
    await expect(inside(first, 'tea', mode).getByTestId('tile')).toContainText('Ana');
    // Coming back needs no other one.
    await drive(first, 'tea', (element) => element.leave());
    await expect.poll(() => outcome(first)).toBe('outside');
    await inside(first, 'tea', mode).getByTestId('rejoin').click();
    await inside(first, 'tea', mode).getByTestId('join-button').click();
    await expect.poll(() => outcome(first)).toBe('inside');
    await first.context().close();

    const again = await show(mine);
    await expect(inside(again, 'tea', mode).getByTestId('left')).toContainText('used before');
    await again.context().close();

    // Its own origin may hold the frame; the ticket of another one is good for nothing here.
    await mint(room, site.origin);
    const foreign = await show(await mint(room, 'https://elsewhere.example'));
    await expect(inside(foreign, 'tea', mode).getByTestId('left')).toContainText('for pages of https://elsewhere.example');
    await foreign.context().close();
  });

  test(`a page that is not allowed learns why (${mode})`, async ({ browser }) => {
    const page = await openPage(browser);
    await listen(page);
    const body = `<oriel-room id="tea" room-name="closed-${mode}" ${isolation(mode)}></oriel-room>`;
    await page.goto(site.add(`/closed-${mode}`, { body }));
    await page.evaluate(() => (document.querySelector('#tea') as Embedded).join({ name: 'Eve' }).catch(() => undefined));
    await expect.poll(async () => (await errors(page)).map(({ code }) => code)).toEqual(['origin_not_allowed']);
    expect((await errors(page))[0]?.message).toContain(site.origin);
    await page.context().close();
  });

  test(`the doctor says whose header keeps the camera away (${mode})`, async ({ browser }) => {
    const name = `doctor-${mode}`;
    await administer('POST', '/v1/rooms', hosted(name));
    const page = await openPage(browser, 'refused');
    const body = `<oriel-room id="tea" room-name="${name}" ${isolation(mode)}></oriel-room>`;
    await page.goto(site.add(`/doctor-${mode}`, { body, headers: { 'permissions-policy': 'camera=(), microphone=()' } }));
    const expected = mode === 'shadow' ? 'header' : 'header-around';
    const found = await page.evaluate(() => (document.querySelector('#tea') as Embedded).diagnose());
    expect(found.map(({ device, cause }) => `${device}: ${cause}`)).toEqual([`camera: ${expected}`, `microphone: ${expected}`, 'screen: none']);
    const fix = mode === 'shadow' ? 'camera=(self)' : `camera=(self "${server.url}")`;
    expect(found[0]?.fix).toContain(fix);
    await expect(inside(page, 'tea', mode).getByTestId('device-trouble')).toContainText(fix);
    await screenshot(page, `embed-doctor-${mode}`);
    await page.context().close();
  });
}

test('what the page did not give by the port, the frame does not do', async ({ browser }) => {
  await administer('POST', '/v1/rooms', hosted('foreign'));
  const page = await openPage(browser);
  await page.goto(site.add('/foreign', { body: '<oriel-room id="tea" room-name="foreign" isolate="iframe"></oriel-room>' }));
  await drive(page, 'tea', (room) => room.join({ name: 'Rose' }));
  await expect.poll(() => phase(page, 'tea')).toBe('inside');
  const refusals = await page.evaluate(async (origin) => {
    const frame = document.querySelector('#tea')?.shadowRoot?.querySelector('iframe')?.contentWindow;
    const answers: string[] = [];
    addEventListener('message', ({ data }: MessageEvent<{ type: string; reason: string }>) => answers.push(`${data.type}: ${data.reason}`));
    const { port2 } = new MessageChannel();
    frame?.postMessage({ oriel: 1, type: 'command', id: 1, name: 'leave', args: [] }, origin);
    frame?.postMessage({ oriel: 1, type: 'hello' }, origin, [port2]);
    frame?.postMessage({ type: 'leave' }, origin);
    frame?.postMessage('leave', origin);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return answers;
  }, server.url);
  expect(refusals).toHaveLength(2);
  for (const refusal of refusals) expect(refusal).toMatch(/^refused: this room is driven by the page around it/);
  expect(await phase(page, 'tea')).toBe('inside');
  await page.context().close();
});

test('a plain frame needs no script, and says which attribute it lacks', async ({ browser }) => {
  await administer('POST', '/v1/rooms', hosted('plain'));
  const page = await openPage(browser, 'refused');
  await page.goto(site.add('/plain', { body: `<iframe title="Room" width="900" height="700" src="${server.url}/embed/plain?name=Rose&lang=ar"></iframe>` }));
  const trouble = page.frameLocator('iframe').getByTestId('device-trouble');
  await expect(trouble).toHaveAttribute('data-cause', 'allow');
  await expect(trouble).toHaveAttribute('dir', 'rtl');
  await expect(trouble).toContainText('allow="camera; microphone; display-capture"');
  await screenshot(page, 'embed-plain-arabic');

  const ticket = await mint('plain', site.origin);
  const source = `${server.url}/embed/plain?prejoin=off#ticket=${ticket}`;
  await page.goto(site.add('/plain-ticket', { body: `<iframe title="Room" width="900" height="700" allow="camera; microphone" src="${source}"></iframe>` }));
  await expect(page.frameLocator('iframe').getByTestId('tile')).toContainText('Ana');
  await page.context().close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the page to copy from, in ${colorScheme} colours`, async ({ browser }) => {
    const page = await openPage(browser, 'granted', { colorScheme, viewport: { width: 1280, height: 1000 } });
    await page.goto(`${server.url}/embed-demo?lang=en`);
    await expect(page.getByTestId('join-button')).toBeVisible();
    await expect(page.getByTestId('snippet')).toContainText(`${server.url}/embed.js`);
    await expectAccessible(page, 'demo');
    await screenshot(page, `embed-demo-${colorScheme}`);
    await page.getByTestId('mode-frame').click();
    await page.getByTestId('round').click();
    const join = page.frameLocator('oriel-room iframe').getByTestId('join-button');
    await expect(join).toHaveCSS('border-radius', '0px');
    await page.getByTestId('way-react').click();
    await expect(page.getByTestId('snippet')).toContainText('isolate="iframe"');
    await page.getByTestId('doctor').click();
    await expect(page.getByTestId('events')).toContainText('Nothing keeps');
    await screenshot(page, `embed-demo-frame-${colorScheme}`);
    expect(complaintsOf(page)).toEqual([]);
    await page.context().close();
  });
}

test('the page to copy from is no wider than a phone, in Arabic too', async ({ browser }) => {
  const page = await openPage(browser, 'granted', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  await page.goto(`${server.url}/embed-demo?lang=ar`);
  await expect(page.getByTestId('join-button')).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
  await expectAccessible(page, 'demo in Arabic on a phone');
  await page.screenshot({ animations: 'disabled', fullPage: true, path: screenPath('embed-demo-phone') });
  await page.context().close();
});

function openPage(browser: Browser, devices: DeviceBehaviour = 'granted', options: object = {}): Promise<Page> {
  return openChromiumPage(browser, { signature: rose, screen: amber, devices }, { viewport: { width: 1400, height: 800 }, ...options });
}

function isolation(mode: Mode): string {
  return mode === 'iframe' ? 'isolate="iframe"' : '';
}

/** What is in the room, wherever that is. */
function inside(page: Page, id: string, mode: Mode): Locator | FrameLocator {
  const element = page.locator(`#${id}`);
  return mode === 'iframe' ? element.locator('iframe').contentFrame() : element;
}

function roomFrames(page: Page): Frame[] {
  return page.frames().filter((frame) => frame.url().includes('/embed/'));
}

/** Calls something of the element, and waits for what comes of it. */
function drive(page: Page, id: string, run: (room: Embedded, argument: string) => unknown, argument = ''): Promise<void> {
  return page.evaluate(`(async () => { await customElements.whenDefined('oriel-room'); await (${run.toString()})(document.querySelector('#${id}'), ${JSON.stringify(argument)}); })()`);
}

function phase(page: Page, id: string): Promise<string> {
  return page.evaluate((id) => (document.querySelector(`#${id}`) as Embedded).status.phase, id);
}

function panels(page: Page): Promise<(string | undefined)[]> {
  return page.evaluate(() => [...document.querySelectorAll('oriel-room')].map((room) => (room as unknown as Embedded).status.panel));
}

interface Heard {
  readonly heard: Record<string, { type: string; detail: { code: string; message: string } }[]>;
}

/** Notes the events of all rooms on the pages to come, all but those of their status. */
async function listen(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const heard: Heard['heard'] = {};
    Object.assign(window, { heard });
    const names = ['ready', 'joined', 'waiting', 'left', 'error', 'participant-connected', 'participant-disconnected', 'chat-message', 'blocked'];
    for (const name of names) addEventListener(`oriel-${name}`, (event) => (heard[(event.target as HTMLElement).id] ??= []).push(event as never));
  });
}

async function heard(page: Page): Promise<Record<string, string[]>> {
  return page.evaluate(() =>
    Object.fromEntries(Object.entries((window as unknown as Heard).heard).map(([id, events]) => [id, events.map(({ type }) => type)])),
  );
}

function errors(page: Page): Promise<{ code: string; message: string }[]> {
  return page.evaluate(() => (window as unknown as Heard).heard['tea']?.filter(({ type }) => type === 'oriel-error').map(({ detail }) => detail) ?? []);
}

async function expectLook(what: Locator, look: Record<string, string>): Promise<void> {
  for (const [property, value] of Object.entries(look)) await expect(what.first()).toHaveCSS(property, value);
}

async function expectWithin(what: Locator, around: Locator): Promise<void> {
  const [one, other] = [await what.boundingBox(), await around.boundingBox()];
  expect(one!.y, 'begins in it').toBeGreaterThanOrEqual(other!.y - 1);
  expect(one!.y + one!.height, 'ends in it').toBeLessThanOrEqual(other!.y + other!.height + 1);
}

/** A room that pages of the site may use, and that is still there when they come. */
function hosted(name: string): object {
  return { name, empty_timeout: 600, allowed_origins: [site.origin] };
}

/** Asks by REST as the administrator. */
async function administer(method: string, path: string, body: object): Promise<Record<string, string>> {
  const token = await server.token('--server-admin');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(server.url + path, { method, headers, body: JSON.stringify(body) });
  expect(response.status, `${method} ${path}`).toBe(201);
  return (await response.json()) as Record<string, string>;
}

async function mint(room: string, origin: string): Promise<string> {
  const { ticket } = await administer('POST', `/v1/rooms/${room}/tickets`, { origin, token: { identity: 'ana', name: 'Ana' } });
  return ticket!;
}

function screenPath(name: string): string {
  return `${test.info().project.outputDir}/screens/${name}.png`;
}

async function screenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ animations: 'disabled', path: screenPath(name) });
}
