/** Firefox as the fourth in a call of three Chromium pages: the same checks, both ways. */
import { expect, test } from '@playwright/test';
import type { Browser } from 'puppeteer-core';

import { chromiumParticipants } from '../support/call.ts';
import { firefoxDriver, launchFirefox, openFirefoxPage } from '../support/firefox.ts';
import { everybody, Participant } from '../support/participant.ts';
import { startServer, type Server } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';
import { startSoundServer, type SoundServer } from '../support/sound-server.ts';
import { expectCountersToAgree } from '../support/traffic.ts';

const { rose, olive, violet, amber, teal } = SIGNATURES;
const ROOM = 'orchard';

test.describe.configure({ mode: 'serial' });

let server: Server;
let sound: SoundServer;
let firefox: Browser;
let chromium: Participant[];
let fourth: Participant;

test.beforeAll(async ({ browser }) => {
  server = await startServer();
  sound = await startSoundServer();
  firefox = await launchFirefox(sound);
  chromium = await chromiumParticipants(browser, rose, olive, violet);
  const page = await openFirefoxPage(firefox, { signature: teal, screen: amber, devices: 'granted' });
  fourth = new Participant(teal, firefoxDriver(page));
  for (const participant of chromium) await participant.join(server.url, ROOM);
});

test.afterAll(async () => {
  for (const participant of chromium ?? []) await participant.driver.close();
  await firefox?.close();
  await sound?.stop();
  await server?.stop();
});

test('Firefox joins, sees and hears the three, and they see and hear it', async () => {
  await fourth.join(server.url, ROOM);
  await expect.poll(() => fourth.perceives(), fourth.name).toEqual(everybody(rose, olive, violet));
  for (const participant of chromium) {
    const others = [rose, olive, violet, teal].filter(({ name }) => name !== participant.name);
    await expect.poll(() => participant.perceives(), participant.name).toEqual(everybody(...others));
  }
  for (const participant of [...chromium, fourth]) {
    const others = [...chromium, fourth].filter((other) => other !== participant);
    await participant.seesMoving(...others.map(({ name }) => name));
  }
});

test('its media goes through the media port of the server', async () => {
  const paths = await fourth.driver.evaluate(() => window.orielTest.selectedPaths(), undefined);
  expect(paths).toHaveLength(1);
  expect(paths[0]).toMatchObject({ protocol: 'udp', remotePort: server.mediaPort });
});

test('the server counts as forwarded what the four browsers count as received', async () => {
  await expectCountersToAgree(server, [...chromium, fourth]);
});

test('mute and chat pass both ways', async () => {
  const [first] = chromium as [Participant];
  await fourth.driver.click('toggle-microphone');
  await first.driver.click('toggle-microphone');
  await expect.poll(async () => (await first.perceives())[fourth.name]).toEqual({ picture: fourth.name, sound: 'silence' });
  await expect.poll(async () => (await fourth.perceives())[first.name]).toEqual({ picture: first.name, sound: 'silence' });
  expect((await first.tile(fourth.name)).mutedAudio).toBe(true);
  expect((await fourth.tile(first.name)).mutedAudio).toBe(true);
  for (const { driver } of [first, fourth]) await driver.click('toggle-chat');
  await fourth.driver.fill('chat-input', 'from Firefox');
  await fourth.driver.click('chat-send');
  await expect.poll(async () => (await first.texts('chat-message')).join()).toContain('from Firefox');
  await first.driver.fill('chat-input', 'from Chromium');
  await first.driver.click('chat-send');
  await expect.poll(async () => (await fourth.texts('chat-message')).join()).toContain('from Chromium');
});

test('when it leaves it is gone everywhere', async () => {
  await fourth.driver.click('leave');
  for (const participant of chromium) {
    await expect.poll(async () => Object.keys(await participant.perceives()).sort(), participant.name).not.toContain(fourth.name);
  }
  await expect.poll(async () => (await server.metrics()).participants()).toBe(3);
});
