/** Where received files go: to a place that the person chooses, to the downloads of the browser, or into memory. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test, type Browser } from '@playwright/test';

import { expectAccessible } from '../support/accessibility.ts';
import { digestOf, DROP_CHROMIUM, DropPage, makeFolder } from '../support/drop.ts';
import { startServerWith, type PlacedServer } from '../support/placed-server.ts';

const MIB = 1 << 20;

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

function makeFile(name: string, bytes: number): string {
  const path = join(folder.path, name);
  writeFileSync(path, randomBytes(bytes));
  return path;
}

async function described(path: string): Promise<string> {
  return `${statSync(path).size} ${await digestOf(path)}`;
}

/** A page that offers, and one that has come and sees the offer. */
async function offered(browser: Browser, paths: string, isFolder: boolean, prepare: (receiver: DropPage) => Promise<void>): Promise<[DropPage, DropPage]> {
  const [sender, receiver] = [await DropPage.open(browser), await DropPage.open(browser)];
  await prepare(receiver);
  await receiver.come(await sender.offer(server.url, paths, { isFolder }));
  await expect(receiver.at('offer')).toBeVisible();
  return [sender, receiver];
}

test('a file goes straight to the place that was chosen, and is there when it is verified', async ({ browser }) => {
  const path = makeFile('film.bin', 48 * MIB + 321);
  const [sender, receiver] = await offered(browser, path, false, async () => {});
  await receiver.choosePlaces();
  await receiver.at('to-place').check();
  await expectAccessible(receiver.page, 'an offer with a place');
  await receiver.acceptAll();
  await receiver.has(4 * MIB);
  await expect(receiver.at('whereabouts')).toContainText('Keep this page open');
  expect((await receiver.placed())['film.bin'], 'nothing of it is seen before').toMatch(/^0 /u);
  expect(await receiver.kept(), 'nothing is kept elsewhere').toEqual({});
  await receiver.stands('done');
  await sender.stands('done');
  await expect(receiver.at('whereabouts')).toHaveText('Saved where you chose.');
  await expect(receiver.at('save-file')).toHaveCount(0);
  expect(await receiver.placed()).toEqual({ 'film.bin': await described(path) });
  for (const side of [sender, receiver]) await side.close();
});

test('a folder goes into the one that was chosen, beside what is there', async ({ browser }) => {
  const top = join(folder.path, 'album');
  const expected: Record<string, string> = {};
  for (const [name, size] of [['a/one.bin', 3 * MIB + 1], ['a/empty', 0], ['b/c/two.bin', MIB], ['three.bin', 17]] as const) {
    mkdirSync(join(top, name, '..'), { recursive: true });
    writeFileSync(join(top, name), randomBytes(size));
    expected[`album (2)/${name}`] = await described(join(top, name));
  }
  const [sender, receiver] = await offered(browser, top, true, async () => {});
  await receiver.choosePlaces();
  await receiver.page.evaluate(async () => {
    const chosen = await (await navigator.storage.getDirectory()).getDirectoryHandle('chosen', { create: true });
    await chosen.getDirectoryHandle('album', { create: true });
  });
  await receiver.at('to-place').check();
  await receiver.acceptAll();
  await receiver.stands('done');
  expect(await receiver.placed()).toEqual(expected);
  for (const side of [sender, receiver]) await side.close();
});

test('what is stopped leaves nothing at the place that was chosen', async ({ browser }) => {
  const path = makeFile('stopped.bin', 128 * MIB);
  const [sender, receiver] = await offered(browser, path, false, async () => {});
  await receiver.choosePlaces();
  await receiver.at('to-place').check();
  await receiver.acceptAll();
  await receiver.has(2 * MIB);
  await sender.at('cancel').click();
  await receiver.stands('ended');
  await expect.poll(() => receiver.placed()).toEqual({});
  for (const side of [sender, receiver]) await side.close();
});

test('where nothing can be stored, a file is a download from its first byte on', async ({ browser }) => {
  const path = makeFile('été 1.bin', 80 * MIB + 77);
  const [sender, receiver] = await offered(browser, path, false, (page) => page.without('storage'));
  const downloading = receiver.page.waitForEvent('download');
  await receiver.acceptAll();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe('été 1.bin');
  await receiver.has(2 * MIB);
  await expect(receiver.at('whereabouts')).toContainText('straight to the downloads');
  await receiver.stands('done');
  await sender.stands('done');
  await expect(receiver.at('whereabouts')).toHaveText('Saved among the downloads of your browser.');
  expect(await digestOf(await download.path())).toBe(await digestOf(path));
  for (const side of [sender, receiver]) await side.close();
});

test('several files are a download of one archive, whatever has come first', async ({ browser }) => {
  const top = join(folder.path, 'many');
  for (let at = 0; at < 60; at += 1) {
    mkdirSync(join(top, `in ${at % 3}`), { recursive: true });
    writeFileSync(join(top, `in ${at % 3}`, `${at}.bin`), randomBytes(at % 7 === 0 ? 0 : at * 40_000));
  }
  const [sender, receiver] = await offered(browser, top, true, (page) => page.without('storage'));
  await sender.spoilOneBlock();
  const downloading = receiver.page.waitForEvent('download');
  await receiver.acceptAll();
  const download = await downloading;
  await receiver.stands('done');
  expect(download.suggestedFilename()).toBe('oriel.zip');
  const compared = execFileSync('python3', ['-c', COMPARE, await download.path(), folder.path], { encoding: 'utf8' });
  expect(compared.trim()).toBe('60 alike');
  for (const side of [sender, receiver]) await side.close();
});

/** Compares an archive with a folder. The reader checks sums. */
const COMPARE = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    alike = sum(archive.read(one) == open(os.path.join(sys.argv[2], one.filename), 'rb').read() for one in archive.infolist())
print(alike, 'alike')
`;

for (const who of ['the sender', 'the browser'] as const) {
  test(`a download that ${who} stops fails on both sides`, async ({ browser }) => {
    const path = makeFile('failed.bin', 128 * MIB);
    const [sender, receiver] = await offered(browser, path, false, (page) => page.without('storage'));
    const downloading = receiver.page.waitForEvent('download');
    await receiver.acceptAll();
    const download = await downloading;
    await receiver.has(MIB);
    if (who === 'the sender') await sender.at('cancel').click();
    else await download.cancel();
    for (const side of [sender, receiver]) await side.stands('ended');
    if (who === 'the browser') await expect(receiver.at('transfer-status')).toContainText('the download was stopped');
    expect(await download.failure(), 'no file that looks complete').not.toBeNull();
    for (const side of [sender, receiver]) await side.close();
  });
}

test('without any of these a little is kept in memory, and more is refused with a word on how much', async ({ browser }) => {
  const small = makeFile('small.bin', 3 * MIB);
  const [sender, receiver] = await offered(browser, small, false, (page) => page.without('storage and service workers'));
  await receiver.acceptAll();
  await receiver.stands('done');
  const saved = await receiver.save('save-file');
  expect(readFileSync(saved.path).equals(readFileSync(small))).toBe(true);
  await sender.at('files').setInputFiles(makeFile('large.bin', 65 * MIB));
  await receiver.acceptAll();
  await expect(receiver.at('transfer-status').last()).toContainText('no more than 67.1 MB');
  await expect(sender.at('transfer-status').last()).toHaveText('The other side has no space for these files.');
  for (const side of [sender, receiver]) await side.close();
});
