/** Networks that block WebSockets, and streams as well: the call goes on by what is left. */
import { expect, test } from '@playwright/test';

import { PageParticipant } from '../support/pages.ts';
import { everybody } from '../support/participant.ts';
import { startServer } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';
import { startStrictProxy } from '../support/strict-proxy.ts';

const { rose, olive } = SIGNATURES;
const ROOM = 'narrow';

test('a call goes on when WebSockets are blocked, and then streams', async ({ browser }) => {
  const server = await startServer();
  const proxy = await startStrictProxy(server.url);
  const [one, other] = [await PageParticipant.open(browser, rose), await PageParticipant.open(browser, olive)];
  await one.join(proxy.url, ROOM);
  await other.join(server.url, ROOM);
  for (const each of [one, other]) await expect.poll(() => each.perceives(), each.name).toEqual(everybody((each === one ? other : one).signature));
  const id = await one.id();
  expect(proxy.opened).toEqual({ webSockets: 1, streams: 0 });
  await other.happenings();

  const said: string[] = [];
  /** Signaling works in both directions, and nothing of it is told twice. */
  const talk = async (text: string): Promise<void> => {
    await one.page.evaluate((words) => window.orielTest.room().sendChat(words), text);
    await other.page.evaluate((words) => window.orielTest.room().sendChat(words), `${text}, too`);
    said.push(text, `${text}, too`);
    for (const each of [one, other]) {
      const read = () => each.page.evaluate(() => window.orielTest.room().chat.map((message) => message.text));
      await expect.poll(async () => (await read()).sort(), each.name).toEqual([...said].sort());
    }
  };

  await test.step('by event stream', async () => {
    proxy.allow({ webSockets: false, streams: true });
    await talk('streamed');
    expect(proxy.opened).toEqual({ webSockets: 1, streams: 1 });
  });
  await test.step('by polling', async () => {
    proxy.allow({ webSockets: false, streams: false });
    await talk('polled');
    expect(proxy.opened).toEqual({ webSockets: 1, streams: 1 });
  });
  expect(await one.id()).toBe(id);
  await one.seesMoving(olive.name);
  await other.seesMoving(rose.name);
  const told = await other.happenings();
  expect(told).not.toContain('participantDisconnected');
  expect(told).not.toContain('trackUnsubscribed');

  await test.step('somebody comes in and leaves by polling alone', async () => {
    const third = await PageParticipant.open(browser, SIGNATURES.teal);
    await third.join(proxy.url, ROOM);
    await expect.poll(() => third.perceives()).toEqual(everybody(rose, olive));
    await third.driver.close();
    await expect.poll(async () => (await server.metrics()).participants()).toBe(2);
  });
  for (const each of [one, other]) await each.driver.close();
  await proxy.stop();
  await server.stop();
});
