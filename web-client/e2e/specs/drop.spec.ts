/** File drop between real browsers: what is sent arrives as it was, whatever happens on the way. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';

import { expectAccessible } from '../support/accessibility.ts';
import { ageStored, digestOf, DROP_CHROMIUM, DropPage, makeFolder } from '../support/drop.ts';
import { PageParticipant } from '../support/pages.ts';
import { startServerWith, type PlacedServer } from '../support/placed-server.ts';
import { SIGNATURES } from '../support/signature.ts';

const { rose, olive, violet } = SIGNATURES;
const MIB = 1 << 20;
/** Bytes that may be asked for and not be there yet (`drop/src/limits.ts`). */
const IN_FLIGHT = 16 * MIB;
/** Share of what is sent that is headers and proofs, with room. */
const OVERHEAD = 1.01;

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

/** A file of random bytes. */
function makeFile(name: string, bytes: number): string {
  const path = join(folder.path, name);
  writeFileSync(path, randomBytes(bytes));
  return path;
}

test('a file arrives as it was, by the direct way, and both sides say so', async ({ browser }) => {
  const path = makeFile('film.bin', 64 * MIB + 12_345);
  const [sender, receiver] = [await DropPage.open(browser), await DropPage.open(browser)];
  const link = await sender.offer(server.url, path);
  await receiver.come(link);
  await expect(receiver.at('offer')).toContainText('Ada wants to send you files');
  await expect(receiver.at('offer')).toContainText('film.bin');
  expect(await receiver.blockBytes(), 'nothing moves before it is accepted').toBe(0);
  await receiver.acceptAll();
  await receiver.stands('done');
  await sender.stands('done');
  await expect(receiver.at('transfer-status')).toHaveText('The file is verified');
  await expect(sender.at('transfer-status')).toHaveText('The file arrived and is verified');
  for (const side of [sender, receiver]) await expect(side.at('path')).toHaveText('Direct');
  const saved = await receiver.save('save-file');
  expect(saved.name).toBe('film.bin');
  expect(await digestOf(saved.path)).toBe(await digestOf(path));
  expect(Object.keys(await receiver.kept())).toHaveLength(1);
  await receiver.at('discard').click();
  await expect.poll(() => receiver.kept()).toEqual({});
  for (const side of [sender, receiver]) await side.close();
});

test('a folder of a thousand files keeps its paths and times', async ({ browser }) => {
  const top = join(folder.path, 'album');
  for (let at = 0; at < 1000; at += 1) {
    const inside = join(top, `year ${at % 7}`, `día ${at % 31}`);
    mkdirSync(inside, { recursive: true });
    const path = join(inside, `${at}.txt`);
    writeFileSync(path, at % 100 === 0 ? '' : `file ${at} `.repeat(at));
    utimesSync(path, 1_600_000_000 + at, 1_600_000_000 + at);
  }
  const [sender, receiver] = [await DropPage.open(browser), await DropPage.open(browser)];
  await receiver.come(await sender.offer(server.url, top, { isFolder: true }));
  await receiver.acceptAll();
  await receiver.stands('done');
  await expect(sender.at('transfer-status')).toHaveText('All 1000 files arrived and verified');
  const { path } = await receiver.save('save-archive');
  const compared = execFileSync('python3', ['-c', COMPARE, path, folder.path], { encoding: 'utf8' });
  expect(compared.trim()).toBe('1000 alike');
  for (const side of [sender, receiver]) await side.close();
});

/** Compares an archive with a folder: paths, bytes, times. */
const COMPARE = `
import os, struct, sys, zipfile
def stamp(extra):
    while extra:
        kind, length = struct.unpack('<HH', extra[:4])
        if kind == 0x5455: return struct.unpack('<I', extra[5:9])[0]
        extra = extra[4 + length:]
alike = 0
with zipfile.ZipFile(sys.argv[1]) as archive:
    for one in archive.infolist():
        path = os.path.join(sys.argv[2], one.filename)
        assert archive.read(one) == open(path, 'rb').read(), path
        assert stamp(one.extra) == int(os.stat(path).st_mtime), path
        alike += 1
print(alike, 'alike')
`;

test('after a reload in the middle no more comes again than was under way', async ({ browser }) => {
  const path = makeFile('long.bin', 96 * MIB);
  const profile = makeFolder();
  const sender = await DropPage.open(browser);
  const receiver = await DropPage.keeping(profile.path);
  try {
    await receiver.come(await sender.offer(server.url, path));
    await receiver.acceptAll();
    await receiver.has(24 * MIB);
    const before = await receiver.blockBytes();
    await receiver.page.reload();
    // Without a question: this tab had agreed to all of it.
    await receiver.stands('done');
    const after = await receiver.blockBytes();
    expect(before + after).toBeLessThan((96 * MIB + IN_FLIGHT) * OVERHEAD);
    expect(after, 'not all of it came again').toBeLessThan(80 * MIB);
    await expect(sender.at('transfer')).toHaveCount(1);
    await sender.stands('done');
    expect(await digestOf((await receiver.save('save-file')).path)).toBe(await digestOf(path));
  } finally {
    await receiver.close();
    profile.remove();
  }
  await sender.close();
});

test('what did not come whole is kept for a day, and then forgotten', async ({ browser }) => {
  const path = makeFile('kept.bin', 64 * MIB);
  const profile = makeFolder();
  const sender = await DropPage.open(browser);
  let receiver = await DropPage.keeping(profile.path);
  try {
    const link = await sender.offer(server.url, path);
    await receiver.come(link);
    for (const hours of [25, 23]) {
      await receiver.acceptAll();
      await receiver.has(8 * MIB);
      await receiver.close();
      ageStored(profile.path, hours);
      receiver = await DropPage.keeping(profile.path);
      await receiver.come(link);
      if (hours < 24) continue;
      await expect(receiver.at('offer'), 'it is asked for anew').toBeVisible();
      expect(await receiver.kept()).toEqual({});
    }
    await receiver.stands('done');
    expect(await receiver.blockBytes(), 'not all of it came again').toBeLessThan(57 * MIB);
    expect(await digestOf((await receiver.save('save-file')).path)).toBe(await digestOf(path));
  } finally {
    await receiver.close();
    profile.remove();
  }
  await sender.close();
});

test('a block that is spoiled on its way is fetched again', async ({ browser }) => {
  const path = makeFile('spoiled.bin', 5 * MIB);
  const [sender, receiver] = [await DropPage.open(browser), await DropPage.open(browser)];
  await receiver.come(await sender.offer(server.url, path));
  await expect(receiver.at('offer')).toBeVisible();
  await sender.spoilOneBlock();
  await receiver.acceptAll();
  await receiver.stands('done');
  expect(await receiver.blockBytes()).toBeGreaterThan(6 * MIB);
  expect(await digestOf((await receiver.save('save-file')).path)).toBe(await digestOf(path));
  for (const side of [sender, receiver]) await side.close();
});

test('three receive at once, each what it has chosen', async ({ browser }) => {
  const paths = [makeFile('one.bin', 3 * MIB), makeFile('two.bin', 2 * MIB)];
  const sender = await DropPage.open(browser);
  const link = await sender.offer(server.url, paths);
  const receivers = [await DropPage.open(browser), await DropPage.open(browser), await DropPage.open(browser)];
  for (const [at, receiver] of receivers.entries()) await receiver.come(link, `Receiver ${at}`);
  for (const [at, receiver] of receivers.entries()) {
    if (at > 0) {
      await receiver.acceptAll();
      continue;
    }
    await receiver.page.getByRole('checkbox', { name: /one\.bin/ }).uncheck();
    await receiver.at('accept-some').click();
  }
  for (const receiver of receivers) await receiver.stands('done');
  await expect(receivers[0]!.at('transfer-status')).toHaveText('The file is verified');
  await expect(sender.page.locator('[data-testid=transfer][data-state=done]')).toHaveCount(3);
  expect(await digestOf((await receivers[0]!.save('save-file')).path)).toBe(await digestOf(paths[1]!));
  for (const side of [sender, ...receivers]) await side.close();
});

test('those who hide their address go by TURN alone', async ({ browser }) => {
  const path = makeFile('hidden.bin', 4 * MIB);
  const [sender, receiver] = [await DropPage.open(browser), await DropPage.open(browser)];
  await receiver.come(await sender.offer(server.url, path, { isRelayOnly: true }), 'Ben', true);
  await receiver.acceptAll();
  await receiver.stands('done');
  for (const side of [sender, receiver]) await expect(side.at('path')).toHaveText('By relay');
  expect(await digestOf((await receiver.save('save-file')).path)).toBe(await digestOf(path));
  for (const side of [sender, receiver]) await side.close();
});

test('either side pauses and resumes, and what is cancelled leaves nothing behind', async ({ browser }) => {
  const path = makeFile('paused.bin', 128 * MIB);
  const [sender, receiver] = [await DropPage.open(browser), await DropPage.open(browser)];
  await receiver.come(await sender.offer(server.url, path));
  await receiver.acceptAll();
  await receiver.has(MIB);
  await sender.at('pause').click();
  await expect(receiver.at('transfer-status')).toHaveText('Paused by the other side');
  await sender.at('pause').click();
  await receiver.has((await receiver.bytes()) + MIB);
  expect(Object.values(await receiver.kept())).toHaveLength(1);
  await receiver.at('cancel').click();
  await receiver.stands('ended');
  await expect(sender.at('transfer-status')).toHaveText('The other side stopped it.');
  await expect.poll(() => receiver.kept()).toEqual({});
  for (const side of [sender, receiver]) await side.close();
});

test('whoever has the code alone is let in by hand, and finds back after a reload', async ({ browser }) => {
  const path = makeFile('code.bin', MIB);
  const [sender, receiver] = [await DropPage.open(browser), await DropPage.open(browser)];
  await sender.offer(server.url, path);
  const code = (await sender.at('code').textContent())!.trim();
  await receiver.page.goto(`${server.url}/drop`);
  await receiver.at('name').fill('Cleo');
  await receiver.at('code-input').fill(code.replaceAll('-', ' '));
  await receiver.at('enter-code').click();
  await expect(sender.at('knock')).toContainText('Cleo has the code');
  await expect(receiver.at('peer')).toHaveCount(0);
  await sender.at('admit').click();
  await expect(receiver.at('offer')).toBeVisible();
  expect(receiver.page.url(), 'the whole link is in the address now').toContain(`#${code}.`);
  await receiver.page.reload();
  await expect(receiver.at('offer')).toBeVisible();
  await expect(sender.at('knock')).toHaveCount(0);
  for (const side of [sender, receiver]) await side.close();
});

test('a link for one is used up when all has arrived, and not by looking at it', async ({ browser }) => {
  const path = makeFile('once.bin', MIB);
  const [sender, looker, receiver, late] = [await DropPage.open(browser), await DropPage.open(browser), await DropPage.open(browser), await DropPage.open(browser)];
  const link = await sender.offer(server.url, path, { isOnce: true });
  await looker.page.goto(link);
  await expect(looker.at('connect')).toBeVisible();
  await receiver.come(link);
  await receiver.acceptAll();
  await receiver.stands('done');
  await sender.stands('done');
  await late.come(link);
  await expect(late.at('complaint')).toContainText('This link has been used');
  for (const side of [sender, looker, receiver, late]) await side.close();
});

test('files and texts go both ways, and by a link that asks for them', async ({ browser }) => {
  const path = makeFile('wanted.bin', 2 * MIB);
  const [asker, giver] = [await DropPage.open(browser), await DropPage.open(browser)];
  await asker.page.goto(`${server.url}/drop`);
  await asker.at('ask').click();
  await giver.come(await asker.link(), 'Gil');
  await expect(giver.at('path')).toHaveText('Direct');
  await giver.at('files').setInputFiles(path);
  await expect(asker.at('offer')).toContainText('Gil wants to send you files');
  await asker.acceptAll();
  await asker.stands('done');
  await asker.at('text-input').fill('Thank you!\nAll of it is here.');
  await asker.at('send-text').click();
  await expect(giver.at('said')).toContainText('Thank you!');
  for (const side of [asker, giver]) await side.close();
});

test('in a call files go to whom they are dropped onto, and to everybody', async ({ browser }) => {
  const bytes = randomBytes(MIB + 7);
  const path = makeFile('call.bin', MIB);
  const [one, other, third] = [await PageParticipant.open(browser, rose), await PageParticipant.open(browser, olive), await PageParticipant.open(browser, violet)];
  for (const participant of [one, other, third]) await participant.join(server.url, 'drop-in');
  await expect.poll(async () => Object.keys(await one.perceives()).sort()).toEqual([olive.name, violet.name]);

  const tile = one.page.locator(`oriel-tile[data-participant="${await other.id()}"]`);
  const data = await one.page.evaluateHandle((content) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(content), (character) => character.charCodeAt(0))], 'dropped.bin'));
    return transfer;
  }, bytes.toString('base64'));
  for (const type of ['dragover', 'drop']) await tile.dispatchEvent(type, { dataTransfer: data });
  await expect(one.page.getByTestId('plan')).toContainText(`To ${olive.name}`);
  await expectAccessible(one.page, 'files in a call');
  await one.page.getByTestId('send-files').click();
  await expect(other.page.getByTestId('knock')).toContainText('1 file, 1 MB');
  await other.page.getByTestId('admit').click();
  await other.page.getByTestId('accept-all').click();
  await expect(other.page.getByTestId('transfer-status')).toHaveText('The file is verified');
  await other.page.screenshot({ path: `${test.info().project.outputDir}/screens/call-files.png` });
  await expect(third.page.getByTestId('files-tray')).toHaveCount(0);

  await third.page.getByTestId('more').click();
  const chooser = third.page.waitForEvent('filechooser');
  await third.page.getByTestId('open-files').click();
  await (await chooser).setFiles(path);
  await third.page.getByTestId('send-files').click();
  for (const receiver of [one, other]) {
    await receiver.page.getByTestId('admit').click();
    await receiver.page.getByTestId('accept-all').click();
  }
  await expect(third.page.locator('[data-testid=transfer][data-state=done]')).toHaveCount(2);
  for (const { driver } of [one, other, third]) await driver.close();
});

test('it is sent and received by the keyboard alone, in both languages, in light and dark and on a phone', async ({ browser }) => {
  const path = makeFile('keys.bin', MIB);
  const [sender, receiver] = [await DropPage.open(browser), await DropPage.open(browser)];
  await sender.page.goto(`${server.url}/drop`);
  await expectAccessible(sender.page, 'the door');
  await screenshots(sender, 'drop-door');
  const chooser = sender.page.waitForEvent('filechooser');
  await sender.page.getByRole('button', { name: 'Choose files' }).focus();
  await sender.page.keyboard.press('Enter');
  await (await chooser).setFiles(path);
  const link = await sender.link();
  await receiver.page.goto(link);
  await receiver.at('connect').focus();
  await receiver.page.keyboard.press('Enter');
  await expect(receiver.at('offer')).toBeVisible();
  await expectAccessible(receiver.page, 'an offer');
  await screenshots(receiver, 'drop-offer');
  await receiver.at('accept-all').focus();
  await receiver.page.keyboard.press('Enter');
  await receiver.stands('done');
  for (const [side, name] of [[sender, 'drop-sent'], [receiver, 'drop-received']] as const) {
    await expectAccessible(side.page, name);
    await screenshots(side, name);
  }
  await receiver.page.goto(`${server.url}/drop?lang=ar`);
  await expect(receiver.page.locator('html')).toHaveAttribute('dir', 'rtl');
  await expect(receiver.page.getByRole('heading', { level: 1 })).toHaveText('إرسال ملفات');
  await expectAccessible(receiver.page, 'in Arabic');
  await screenshots(receiver, 'drop-arabic');
  for (const side of [sender, receiver]) await side.close();
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
