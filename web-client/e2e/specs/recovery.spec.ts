/** A room that holds: what becomes of a call when connections, paths and the server are lost. */
import { expect, test } from '@playwright/test';

import { buildNetwork, launchChromiumAt, NO_NETWORK } from '../support/netns.ts';
import { PageParticipant } from '../support/pages.ts';
import { everybody } from '../support/participant.ts';
import { startServerAt, startServerBehindRelay } from '../support/placed-server.ts';
import { startServer } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';

const { rose, olive } = SIGNATURES;
const ROOM = 'harbour';

/** Both see and hear each other. */
async function meet(one: PageParticipant, other: PageParticipant): Promise<void> {
  await expect.poll(() => one.perceives(), one.name).toEqual(everybody(other.signature));
  await expect.poll(() => other.perceives(), other.name).toEqual(everybody(one.signature));
}

/** Both begin to note what their rooms tell. */
async function listen(...all: PageParticipant[]): Promise<void> {
  for (const one of all) await one.happenings();
}

/** Packets of video that a page has received. */
function packets(one: PageParticipant): Promise<number> {
  return one.page.evaluate(async () => (await window.orielTest.received()).video);
}

/** Waits until both get pictures again, for so many milliseconds at most. */
async function seesAgain(milliseconds: number, ...all: PageParticipant[]): Promise<void> {
  await Promise.all(
    all.map(async (one) => {
      const before = await packets(one);
      await expect.poll(() => packets(one), { message: `pictures for ${one.name}`, timeout: milliseconds, intervals: [50] }).toBeGreaterThan(before + 3);
    }),
  );
}

test('a cut of the signaling connection alone is seen by nobody', async ({ browser }) => {
  const server = await startServerBehindRelay();
  const [one, other] = [await PageParticipant.open(browser, rose), await PageParticipant.open(browser, olive)];
  await one.join(server.url, ROOM);
  await other.join(server.url, ROOM);
  await meet(one, other);
  await listen(one, other);
  const ids = [await one.id(), await other.id()];
  await server.relay.cutConnections();
  for (const each of [one, other]) await expect.poll(() => each.state(), each.name).toBe('connected');
  // Signaling works both ways, and what is said meanwhile is there once.
  await server.relay.cutConnections();
  await one.page.evaluate(() => window.orielTest.room().sendChat('still here'));
  await expect.poll(() => other.page.evaluate(() => window.orielTest.room().chat.map(({ text }) => text))).toEqual(['still here']);
  await one.seesMoving(olive.name);
  await other.seesMoving(rose.name);
  expect([await one.id(), await other.id()]).toEqual(ids);
  for (const each of [one, other]) {
    const told = await each.happenings();
    expect(told.filter((name) => name !== 'reconnecting' && name !== 'reconnected'), each.name).toEqual([]);
    expect(await each.texts('reconnecting')).toEqual([]);
  }
  for (const each of [one, other]) await each.driver.close();
  await server.stop();
});

test('a path that is cut for five seconds heals by itself, within three, without joining anew', async ({ browser }) => {
  const server = await startServerBehindRelay(2);
  const [one, other] = [await PageParticipant.open(browser, rose), await PageParticipant.open(browser, olive)];
  await one.join(server.url, ROOM);
  await other.join(server.url, ROOM);
  await meet(one, other);
  await listen(one, other);
  const ids = [await one.id(), await other.id()];
  await server.relay.outage(5_000);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await seesAgain(3_000, one, other);
  await meet(one, other);
  expect([await one.id(), await other.id()]).toEqual(ids);
  for (const each of [one, other]) {
    const told = await each.happenings();
    expect(told, each.name).not.toContain('participantDisconnected');
    expect(told, each.name).not.toContain('trackUnsubscribed');
  }
  for (const each of [one, other]) await each.driver.close();
  await server.stop();
});

test('a server that fails is joined again as soon as it is back', async ({ browser }) => {
  const server = await startServer();
  const [one, other] = [await PageParticipant.open(browser, rose), await PageParticipant.open(browser, olive)];
  await one.join(server.url, ROOM);
  await other.join(server.url, ROOM);
  await meet(one, other);
  await server.crash();
  await meet(one, other);
  await one.seesMoving(olive.name);
  await other.seesMoving(rose.name);
  expect((await server.metrics()).participants()).toBe(2);
  for (const each of [one, other]) await each.driver.close();
  await server.stop();
});

test.describe('in networks of their own', () => {
  test.skip(NO_NETWORK !== undefined, NO_NETWORK);

  test('another address, and a NAT that forgets, are over in seconds', async () => {
    const network = await buildNetwork('plain', 'routed');
    const server = await startServerAt(network.server);
    const [first, second] = network.clients() as [(typeof network.server), (typeof network.server)];
    const browsers = [await launchChromiumAt(first, server.url), await launchChromiumAt(second, server.url)] as const;
    const [one, other] = [await PageParticipant.open(browsers[0], rose), await PageParticipant.open(browsers[1], olive)];
    await one.join(server.url, ROOM);
    await other.join(server.url, ROOM);
    await meet(one, other);
    await listen(one, other);
    const ids = [await one.id(), await other.id()];

    await test.step('the NAT forgets', async () => {
      await network.rebind(0);
      await seesAgain(4_000, one, other);
    });
    await test.step('another address', async () => {
      await network.renumber(0);
      await seesAgain(5_000, one, other);
    });
    await meet(one, other);
    expect([await one.id(), await other.id()]).toEqual(ids);
    expect(await other.happenings()).not.toContain('participantDisconnected');
    for (const browser of browsers) await browser.close();
    await server.stop();
    await network.stop();
  });
});
