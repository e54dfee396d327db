/** Devices of one network, which see each other if both want that, and connect when both agree. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';

import { expectAccessible } from '../support/accessibility.ts';
import { digestOf, DROP_CHROMIUM, DropPage, makeFolder } from '../support/drop.ts';
import { startServerWith, type PlacedServer } from '../support/placed-server.ts';

test.use({ launchOptions: DROP_CHROMIUM });

let server: PlacedServer;
let folder: ReturnType<typeof makeFolder>;

test.beforeAll(async () => {
  server = await startServerWith({});
  folder = makeFolder();
});
test.afterAll(async () => {
  await server?.stop();
  folder?.remove();
});

test('two that want to be seen find each other and connect by one press each, by keyboard', async ({ browser }) => {
  const path = join(folder.path, 'near.bin');
  writeFileSync(path, randomBytes(2_000_000));
  const [ana, ben, shy] = [await DropPage.open(browser), await DropPage.open(browser), await DropPage.open(browser)];
  await shy.page.goto(`${server.url}/drop`);
  await ana.page.goto(`${server.url}/drop`);
  await ana.at('name').fill('Ana’s phone');
  await ana.at('show-me').focus();
  await ana.page.keyboard.press('Enter');
  await expect(ana.at('nearby')).toContainText('Nobody else wants to be seen yet');
  await ben.showNearby(server.url, 'Ben');
  await expect(ana.at('device')).toHaveText(/Ben/u);
  await expect(ben.at('device')).toHaveText(/Ana’s phone/u);
  await expect(shy.page.getByText('Ana’s phone')).toHaveCount(0);

  await ana.page.getByRole('button', { name: 'Connect with Ben' }).focus();
  await ana.page.keyboard.press('Enter');
  await expect(ana.at('device')).toContainText('Waiting for an answer');
  await expect(ben.at('device')).toContainText('Ana’s phone, on this network, wants to connect.');
  await expectAccessible(ben.page, 'somebody nearby asks');
  await screenshots(ben, 'drop-nearby');
  expect(await ana.at('code').count(), 'nothing is handed over before').toBe(0);
  await ben.at('agree').focus();
  await ben.page.keyboard.press('Enter');
  for (const side of [ana, ben]) await expect(side.at('path')).toHaveText('Direct');
  expect(await ana.at('knock').count(), 'it was asked for already').toBe(0);

  await ben.at('files').setInputFiles(path);
  await ana.acceptAll();
  await ana.stands('done');
  expect(await digestOf((await ana.save('save-file')).path)).toBe(await digestOf(path));
  await expect(ben.at('nearby')).toHaveCount(0);
  await expect(ana.at('device'), 'who has come is not seen any more').toHaveCount(0);
  for (const side of [ana, ben, shy]) await side.close();
});

test('one that has files ready hands them to a device nearby; one that declines, hides or leaves is let be', async ({ browser }) => {
  const path = join(folder.path, 'ready.bin');
  writeFileSync(path, randomBytes(300_000));
  const [ana, ben, cleo] = [await DropPage.open(browser), await DropPage.open(browser), await DropPage.open(browser)];
  await ben.showNearby(server.url, 'Ben');
  await cleo.showNearby(server.url, 'Cleo');
  await ana.offer(server.url, path);
  await ana.at('show-me').click();
  await expect(ana.at('device')).toHaveCount(2);

  await ana.page.getByRole('button', { name: 'Connect with Cleo' }).click();
  await cleo.at('disagree').click();
  await expect(ana.page.getByTestId('device').filter({ hasText: 'Cleo' })).toContainText('Declined');
  await cleo.at('hide-me').click();
  await expect(ana.at('device')).toHaveCount(1);

  await ana.page.getByRole('button', { name: 'Connect with Ben' }).click();
  await ben.at('agree').click();
  await ben.acceptAll();
  await ben.stands('done');
  expect(await digestOf((await ben.save('save-file')).path)).toBe(await digestOf(path));
  await expect(cleo.at('device')).toHaveCount(0);
  for (const side of [ana, ben, cleo]) await side.close();
});

test('where the server does not offer it, it says so', async ({ browser }) => {
  const off = await startServerWith({ ORIEL__ROOMS__NEARBY: 'off' });
  const page = await DropPage.open(browser);
  await page.page.goto(`${off.url}/drop`);
  await page.at('show-me').click();
  await expect(page.at('complaint')).toContainText('shows no devices to each other');
  await expect(page.at('hide-me')).toHaveCount(0);
  await page.close();
  await off.stop();
});

async function screenshots({ page }: DropPage, name: string): Promise<void> {
  const size = page.viewportSize()!;
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ animations: 'disabled', fullPage: true, path: `${test.info().project.outputDir}/screens/${name}-${colorScheme}.png` });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 360, height: 740 });
  await page.screenshot({ animations: 'disabled', fullPage: true, path: `${test.info().project.outputDir}/screens/${name}-phone.png` });
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(sideways, `${name}: scrolls sideways on a phone`).toBeLessThanOrEqual(0);
  await page.setViewportSize(size);
}
