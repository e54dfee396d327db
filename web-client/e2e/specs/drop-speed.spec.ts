/** How fast files go over long paths, beside PairDrop's scheme in the same run: `make e2e-long`. */
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, type Browser, type Page } from '@playwright/test';

import { bundle } from '../support/bundle.ts';
import { DROP_CHROMIUM, DropPage, makeFolder } from '../support/drop.ts';
import { startServerWith } from '../support/placed-server.ts';
import { startRelay } from '../support/relay.ts';

const MIB = 1 << 20;
/** MiB of the file: more than goes in the time. */
const SIZE = 512;
/** Milliseconds before it is measured, and for which it is. */
const WARM_UP = 8_000;
const MEASURE = 8_000;
/** By milliseconds of round trip, how many times as fast it has to be. */
const FACTORS = { 0: 0, 20: 2, 80: 3 } as const;

test.use({ launchOptions: DROP_CHROMIUM });

interface Guest {
  readonly ice_servers: RTCIceServer[];
}

/** Bytes per second, of what `read` counts. */
async function rate(page: Page, read: () => Promise<number>): Promise<number> {
  await page.waitForTimeout(WARM_UP);
  const [at, bytes] = [performance.now(), await read()];
  await page.waitForTimeout(MEASURE);
  return ((await read() - bytes) * 1000) / (performance.now() - at);
}

for (const [roundTrip, factor] of Object.entries(FACTORS)) {
  test(`files go faster than by a stop at each megabyte, at ${roundTrip} ms @long`, async ({ browser }) => {
    const folder = makeFolder();
    const server = await startServerWith({});
    const path = join(folder.path, 'much.bin');
    const file = openSync(path, 'w');
    for (let block = 0; block < SIZE; block += 1) writeSync(file, Buffer.from([block, block >> 8]), 0, 2, block * MIB);
    closeSync(file);
    truncateSync(path, SIZE * MIB);
    const iceServers = await iceServersOf(server.url);
    const turn = new URL(iceServers.flatMap(({ urls }) => urls).find((url) => url.startsWith('turn:') && !url.includes('tcp'))!.replace('turn:', 'http://'));
    // Both go by the TURN server, and the sender goes there by the relay, so a round trip crosses it twice.
    const relay = await startRelay({ udp: [`127.0.0.1:0=${turn.host}`] });
    await relay.set({ delay_ms: Number(roundTrip) / 2 });
    const ways = [relay.udp[0]!, turn.host] as const;
    try {
      const theirs = await partitionScheme(browser, server.url, ways, iceServers);
      const ours = await drop(browser, server.url, ways, path);
      console.log(`${roundTrip} ms: ${(ours.rate / MIB).toFixed(2)} MiB/s by ${ours.lanes} lanes, ${(theirs / MIB).toFixed(2)} by partitions, ${(ours.rate / theirs).toFixed(2)} times`);
      expect(ours.rate / theirs).toBeGreaterThanOrEqual(factor);
    } finally {
      await relay.stop();
      await server.stop();
      folder.remove();
    }
  });
}

async function iceServersOf(url: string): Promise<RTCIceServer[]> {
  const body = JSON.stringify({ room: 'speed', name: 'Ada' });
  const response = await fetch(`${url}/v1/join`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return ((await response.json()) as Guest).ice_servers;
}

/** Addresses by which the sender and the receiver reach the TURN server. */
type Ways = readonly [sender: string, receiver: string];

/** Has a page reach others by TURN alone, at that address. */
async function goBy(page: Page, address: string): Promise<void> {
  await page.addInitScript((to) => {
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor({ iceServers = [], ...configuration }: RTCConfiguration = {}) {
        const servers = iceServers
          .filter(({ urls }) => [urls].flat().some((url) => url.startsWith('turn:')))
          .map((server) => ({ ...server, urls: `turn:${to}?transport=udp` }));
        super({ ...configuration, iceServers: servers, iceTransportPolicy: 'relay' });
      }
    };
  }, address);
}

async function partitionScheme(browser: Browser, url: string, ways: Ways, iceServers: RTCIceServer[]): Promise<number> {
  const contexts = [await browser.newContext(), await browser.newContext()];
  const [one, other] = (await Promise.all(contexts.map((context) => context.newPage()))) as [Page, Page];
  for (const page of [one, other]) {
    await goBy(page, page === one ? ways[0] : ways[1]);
    await page.goto(url);
    await page.evaluate(await bundle('partition-scheme.ts'));
  }
  const offer = await one.evaluate((servers) => window.orielPartitionScheme.offer({ iceServers: servers }), iceServers);
  const answer = await other.evaluate(([servers, offered]) => window.orielPartitionScheme.answer({ iceServers: servers }, offered), [iceServers, offer] as const);
  await one.evaluate((answered) => window.orielPartitionScheme.accept(answered), answer);
  await one.evaluate(() => window.orielPartitionScheme.send());
  const result = await rate(other, () => other.evaluate(() => window.orielPartitionScheme.received()));
  for (const context of contexts) await context.close();
  return result;
}

async function drop(browser: Browser, url: string, ways: Ways, path: string): Promise<{ rate: number; lanes: number }> {
  const [sender, receiver] = [await DropPage.open(browser), await DropPage.open(browser)];
  await goBy(sender.page, ways[0]);
  await goBy(receiver.page, ways[1]);
  await receiver.come(await sender.offer(url, path));
  await receiver.acceptAll();
  // What is verified and stored, which is more than what has come.
  const result = await rate(receiver.page, () => receiver.bytes());
  const lanes = Number(await receiver.at('peer').getAttribute('data-lanes'));
  for (const side of [sender, receiver]) await side.close();
  return { rate: result, lanes };
}
