/** How fast files go over long paths, beside PairDrop's scheme in the same run: `make e2e-long`. */
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, type Browser, type Page } from '@playwright/test';

import { bundle } from '../support/bundle.ts';
import { DROP_CHROMIUM, DropPage, makeFolder } from '../support/drop.ts';
import { layLongPath } from '../support/long-path.ts';
import { startServerWith } from '../support/placed-server.ts';

const MIB = 1 << 20;
/** MiB of the file: more than goes in the time. */
const SIZE = 512;
/** Milliseconds before it is measured, and for which it is. */
const WARM_UP = 6_000;
const MEASURE = 5_000;
/** How often each is measured, in turn; what counts is the one in the middle. */
const ROUNDS = 3;
/** By milliseconds of round trip, how many times as fast it has to be. */
const FACTORS = { 0: 0, 20: 2, 80: 3 } as const;

test.use({ launchOptions: DROP_CHROMIUM });

for (const [roundTrip, factor] of Object.entries(FACTORS)) {
  test(`files go faster than by a stop at each megabyte, at ${roundTrip} ms @long`, async ({ browser }) => {
    test.setTimeout(ROUNDS * 2 * (WARM_UP + MEASURE + 30_000));
    const folder = makeFolder();
    const server = await startServerWith({});
    const path = join(folder.path, 'much.bin');
    const file = openSync(path, 'w');
    for (let block = 0; block < SIZE; block += 1) writeSync(file, Buffer.from([block, block >> 8]), 0, 2, block * MIB);
    closeSync(file);
    truncateSync(path, SIZE * MIB);
    const [theirs, ours]: [number[], number[]] = [[], []];
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        theirs.push(await partitionScheme(browser, server.url, Number(roundTrip)));
        ours.push(await drop(browser, server.url, Number(roundTrip), path));
      }
    } finally {
      await server.stop();
      folder.remove();
    }
    const times = middle(ours) / middle(theirs);
    console.log(`${roundTrip} ms: ${inMib(ours)} MiB/s, ${inMib(theirs)} by partitions, ${times.toFixed(2)} times`);
    expect(times).toBeGreaterThanOrEqual(factor);
  });
}

function middle(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[(values.length - 1) / 2]!;
}

function inMib(rates: readonly number[]): string {
  return rates.map((one) => (one / MIB).toFixed(2)).join(', ');
}

/** Bytes per second, of what `read` counts. */
async function rate(page: Page, read: () => Promise<number>): Promise<number> {
  await page.waitForTimeout(WARM_UP);
  const [at, bytes] = [performance.now(), await read()];
  await page.waitForTimeout(MEASURE);
  return ((await read() - bytes) * 1000) / (performance.now() - at);
}

async function partitionScheme(browser: Browser, url: string, roundTrip: number): Promise<number> {
  const contexts = [await browser.newContext(), await browser.newContext()];
  const [one, other] = (await Promise.all(contexts.map((context) => context.newPage()))) as [Page, Page];
  const path = await layLongPath(one, other, roundTrip);
  for (const page of [one, other]) {
    await page.goto(url);
    await page.evaluate(await bundle('partition-scheme.ts'));
  }
  const offer = await one.evaluate(() => window.orielPartitionScheme.offer({}));
  const answer = await other.evaluate((offered) => window.orielPartitionScheme.answer({}, offered), offer);
  await one.evaluate((answered) => window.orielPartitionScheme.accept(answered), answer);
  await one.evaluate(() => window.orielPartitionScheme.send());
  const result = await rate(other, () => other.evaluate(() => window.orielPartitionScheme.received()));
  for (const context of contexts) await context.close();
  await path.stop();
  return result;
}

async function drop(browser: Browser, url: string, roundTrip: number, file: string): Promise<number> {
  const [sender, receiver] = [await DropPage.open(browser), await DropPage.open(browser)];
  const path = await layLongPath(sender.page, receiver.page, roundTrip);
  await receiver.come(await sender.offer(url, file));
  await receiver.acceptAll();
  // What is verified and stored, which is more than what has come.
  const result = await rate(receiver.page, () => receiver.bytes());
  for (const side of [sender, receiver]) await side.close();
  await path.stop();
  return result;
}
