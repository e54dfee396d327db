/** File drop at length: `make e2e-long`. A large file, with little memory, across the sudden end of the receiving page. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, expect, test } from '@playwright/test';

import { digestOf, DROP_CHROMIUM, DropPage, makeFolder } from '../support/drop.ts';
import { startServerWith } from '../support/placed-server.ts';
import { killRenderers, rendererMemory } from '../support/renderer.ts';

const MIB = 1 << 20;
/** MiB of the file. Three times as much is needed on the disk. */
const SIZE = Number(process.env.ORIEL_LONG_MIB ?? 2048);
/** Proportional memory that the receiver's renderer may take. */
const MEMORY = 300 * MIB;
const IN_FLIGHT = 16 * MIB;

test('a large file survives the end of the page that receives it, in little memory @long', async () => {
  test.setTimeout(3_600_000);
  const folder = makeFolder();
  const server = await startServerWith({});
  const path = join(folder.path, 'large.bin');
  // No two blocks alike, and most of it holes: it takes no space here.
  const file = openSync(path, 'w');
  for (let block = 0; block < SIZE; block += 1) writeSync(file, randomBytes(4096), 0, 4096, block * MIB);
  closeSync(file);
  truncateSync(path, SIZE * MIB);

  const browser = await chromium.launch(DROP_CHROMIUM);
  const sender = await DropPage.open(browser);
  const profile = join(folder.path, 'profile');
  const receiver = await DropPage.keeping(profile);
  let memory = 0;
  const watch = setInterval(() => (memory = Math.max(memory, rendererMemory(profile))), 1000);
  try {
    const link = await sender.offer(server.url, path);
    await receiver.come(link);
    await receiver.at('accept-all').click({ timeout: 600_000 });
    await expect.poll(() => receiver.bytes(), { intervals: [50], timeout: 1_200_000 }).toBeGreaterThan((SIZE / 2) * MIB);
    const before = await receiver.blockBytes();
    await killRenderers(profile, receiver.page);
    // What was accepted goes on without a question, in whichever window the link is opened.
    const reopened = new DropPage(await receiver.page.context().newPage());
    await reopened.come(link);
    await reopened.stands('done', 1_800_000);
    const after = await reopened.blockBytes();
    console.log(`${SIZE} MiB: ${(before / MIB).toFixed(1)} MiB before the end, ${(after / MIB).toFixed(1)} after; ${(memory / MIB).toFixed(0)} MiB of memory`);
    expect(after).toBeLessThan((SIZE / 2) * MIB * 1.01);
    expect(before + after).toBeLessThan((SIZE * MIB + IN_FLIGHT) * 1.02);
    expect(memory).toBeGreaterThan(0);
    expect(memory).toBeLessThan(MEMORY);
    expect(await digestOf((await reopened.save('save-file')).path)).toBe(await digestOf(path));
  } finally {
    clearInterval(watch);
    await receiver.close();
    await browser.close();
    await server.stop();
    folder.remove();
  }
});
