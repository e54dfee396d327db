/** Calls over networks that are none of the best: through the relay, and behind NATs. */
import { expect, test, type Browser } from '@playwright/test';

import { chromiumParticipants } from '../support/call.ts';
import { buildNetwork, launchChromiumAt, NO_NETWORK } from '../support/netns.ts';
import { everybody, type Participant } from '../support/participant.ts';
import { startServerAt, startServerBehindRelay } from '../support/placed-server.ts';
import { SIGNATURES } from '../support/signature.ts';

const { rose, olive } = SIGNATURES;
const ROOM = 'valley';

/** Waits until two see and hear each other, live. */
async function talk(first: Participant, second: Participant): Promise<void> {
  await expect.poll(() => first.perceives(), first.name).toEqual(everybody(second.signature));
  await expect.poll(() => second.perceives(), second.name).toEqual(everybody(first.signature));
  await first.seesMoving(second.name);
  await second.seesMoving(first.name);
}

test('two talk through a relay that loses and delays, and outlive a short outage', async ({ browser }) => {
  const server = await startServerBehindRelay();
  const { relay } = server;
  const [first, second] = (await chromiumParticipants(browser, rose, olive)) as [Participant, Participant];
  try {
    await relay.set({ delay_ms: 20, jitter_ms: 5, loss: 0.02 });
    await first.join(server.url, ROOM);
    await second.join(server.url, ROOM);
    await talk(first, second);

    const paths = await first.driver.evaluate(() => window.orielTest.selectedPaths(), undefined);
    expect(paths).toMatchObject([{ protocol: 'udp', remoteAddress: '127.0.0.2' }]);
    const stats = await relay.stats();
    // A browser checks from each of its addresses.
    expect(stats.clients).toBeGreaterThanOrEqual(2);
    expect(stats.connections).toBeGreaterThan(0);
    for (const { received, duplicated, delivered, lost, overflowed, blacked_out, flying, impairment } of [stats.up, stats.down]) {
      expect(impairment.loss).toBe(0.02);
      expect(delivered).toBeGreaterThan(200);
      expect(lost).toBeGreaterThan(0);
      expect(delivered + lost + overflowed + blacked_out + flying).toBe(received + duplicated);
    }

    await relay.outage(1_500);
    await expect.poll(async () => (await relay.stats()).down.blacked_out).toBeGreaterThan(0);
    await talk(first, second);
  } finally {
    for (const { driver } of [first, second]) await driver.close();
    await server.stop();
  }
});

test('an order that makes no sense is refused with its reason', async () => {
  const server = await startServerBehindRelay();
  try {
    await expect(server.relay.set({ loss: 2 })).rejects.toThrow(/`loss` is a share/);
    expect((await server.relay.stats()).up.impairment.loss).toBe(0);
  } finally {
    await server.stop();
  }
});

test('two talk from behind a plain and a symmetric NAT, and outlive a cut line', async () => {
  test.skip(NO_NETWORK !== undefined, NO_NETWORK);
  const network = await buildNetwork('plain', 'symmetric');
  const browsers: Browser[] = [];
  try {
    const server = await startServerAt(network.server);
    for (const host of network.clients()) browsers.push(await launchChromiumAt(host, server.url));
    const [near, far] = browsers as [Browser, Browser];
    const [first] = (await chromiumParticipants(near, rose)) as [Participant];
    const [second] = (await chromiumParticipants(far, olive)) as [Participant];
    await first.join(server.url, ROOM);
    await second.join(server.url, ROOM);
    await talk(first, second);

    await network.cut(1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await network.restore(1);
    await talk(first, second);
    for (const browser of browsers) await browser.close();
    await server.stop();
  } finally {
    await network.stop();
  }
});
