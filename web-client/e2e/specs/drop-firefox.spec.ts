/** File drop between Firefox and Chromium, both ways. */
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { Browser as Firefox, ElementHandle, Page } from 'puppeteer-core';

import { bundle } from '../support/bundle.ts';
import { digestOf, DROP_CHROMIUM, DropPage, makeFolder } from '../support/drop.ts';
import { launchFirefox } from '../support/firefox.ts';
import { startServerWith, type PlacedServer } from '../support/placed-server.ts';
import { startSoundServer, type SoundServer } from '../support/sound-server.ts';

test.use({ launchOptions: DROP_CHROMIUM });

let server: PlacedServer;
let sound: SoundServer;
let firefox: Firefox;
let folder: ReturnType<typeof makeFolder>;
let path: string;

test.beforeAll(async () => {
  server = await startServerWith({});
  sound = await startSoundServer();
  firefox = await launchFirefox(sound);
  folder = makeFolder();
  path = join(folder.path, 'both.bin');
  writeFileSync(path, randomBytes(12_345_678));
});
test.afterAll(async () => {
  await firefox?.close();
  await sound?.stop();
  await server?.stop();
  folder?.remove();
});

/** A page of Firefox. It speaks English. */
async function open(url: string, browser = firefox): Promise<Page> {
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(await bundle('drop.ts'));
  await page.goto(url);
  return page;
}

/** The one element that a selector finds, when it is there. Asked for again and again: changes in shadow roots are told to nobody. */
async function found(page: Page, selector: string): Promise<ElementHandle> {
  const look = () => page.$(`>>> ${selector}`);
  await expect.poll(async () => (await look()) !== null, { message: selector, timeout: 60_000 }).toBe(true);
  return (await look())!;
}

function byTestId(page: Page, testId: string): Promise<ElementHandle> {
  return found(page, `[data-testid="${testId}"]`);
}

/** Waits for the state of its one transfer. */
async function stands(page: Page, state: string): Promise<void> {
  await found(page, `[data-testid="transfer"][data-state="${state}"]`);
}

test('from Firefox to Chromium', async ({ browser }) => {
  const sender = await open(`${server.url}/drop`);
  const field = (await byTestId(sender, 'files')) as ElementHandle<HTMLInputElement>;
  await field.uploadFile(path);
  const link = await (await byTestId(sender, 'copy-link')).evaluate((button) => (button as HTMLElement).dataset['link']!);
  const receiver = await DropPage.open(browser);
  await receiver.come(link);
  await receiver.acceptAll();
  await receiver.stands('done');
  await stands(sender, 'done');
  expect(await digestOf((await receiver.save('save-file')).path)).toBe(await digestOf(path));
  await receiver.close();
  await sender.close();
});

test('from Chromium to Firefox, where it is stored', async ({ browser }) => {
  const sender = await DropPage.open(browser);
  const receiver = await open(await sender.offer(server.url, path));
  await (await byTestId(receiver, 'connect')).click();
  await (await byTestId(receiver, 'accept-all')).click();
  await stands(receiver, 'done');
  await sender.stands('done');
  expect(await receiver.evaluate(() => window.orielDropTest.digest())).toBe(await digestOf(path));
  await sender.close();
  await receiver.close();
});

test('into a private window of Firefox, which stores nothing, as a download', async ({ browser }) => {
  const downloads = makeFolder();
  const privately = await launchFirefox(sound, {
    'browser.privatebrowsing.autostart': true,
    'browser.download.folderList': 2,
    'browser.download.dir': downloads.path,
  });
  try {
    const sender = await DropPage.open(browser);
    const receiver = await open(await sender.offer(server.url, path), privately);
    expect(await receiver.evaluate(() => navigator.storage.getDirectory().then(() => true, () => false)), 'it can store files').toBe(false);
    await (await byTestId(receiver, 'connect')).click();
    await (await byTestId(receiver, 'accept-all')).click();
    await stands(receiver, 'done');
    await sender.stands('done');
    await expect.poll(() => readdirSync(downloads.path)).toEqual(['both.bin']);
    expect(await digestOf(join(downloads.path, 'both.bin'))).toBe(await digestOf(path));
    await sender.close();
  } finally {
    await privately.close();
    downloads.remove();
  }
});
