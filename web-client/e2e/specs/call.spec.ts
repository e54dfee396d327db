/** Three people in three Chromium profiles, by way of the page: what each of them sees, hears and reads. */
import { expect, test } from '@playwright/test';

import { chromiumParticipants } from '../support/call.ts';
import { everybody, type Participant } from '../support/participant.ts';
import { startServer, type Server } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';
import { expectCountersToAgree } from '../support/traffic.ts';

const { rose, olive, violet } = SIGNATURES;
const ROOM = 'garden';

test.describe.configure({ mode: 'serial' });

let server: Server;
let all: Participant[];
let first: Participant;
let second: Participant;
let third: Participant;

test.beforeAll(async ({ browser }) => {
  server = await startServer();
  all = await chromiumParticipants(browser, rose, olive, violet);
  [first, second, third] = all as [Participant, Participant, Participant];
});

test.afterAll(async () => {
  for (const participant of all ?? []) await participant.driver.close();
  await server?.stop();
});

test('one opens a room from the home page, two come by its link', async () => {
  await first.driver.goto(server.url);
  await first.driver.fill('room-name', ROOM);
  await first.driver.click('enter-room');
  await first.enter();
  expect(await first.driver.evaluate(() => location.pathname, undefined)).toBe(`/r/${ROOM}`);
  await second.join(server.url, ROOM);
  await third.join(server.url, ROOM);
  await expect.poll(async () => (await server.metrics()).participants()).toBe(3);
  expect((await server.metrics()).rooms()).toBe(1);
});

test('everybody sees the colour and hears the tone of each of the others', async () => {
  await expect.poll(() => first.perceives(), first.name).toEqual(everybody(olive, violet));
  await expect.poll(() => second.perceives(), second.name).toEqual(everybody(rose, violet));
  await expect.poll(() => third.perceives(), third.name).toEqual(everybody(rose, olive));
  for (const participant of all) {
    const others = all.filter((other) => other !== participant);
    await participant.seesMoving(...others.map(({ name }) => name));
  }
});

test('media goes through the media port of the server', async () => {
  for (const { name, driver } of all) {
    const paths = await driver.evaluate(() => window.orielTest.selectedPaths(), undefined);
    expect(paths, `one connection of ${name}`).toHaveLength(1);
    expect(paths[0], name).toMatchObject({ protocol: 'udp', remotePort: server.mediaPort });
  }
});

test('the server counts as forwarded what the browsers count as received', async () => {
  await expectCountersToAgree(server, all);
});

test('a switched-off microphone is silent and marked for the others, and comes back', async () => {
  await first.driver.click('toggle-microphone');
  for (const other of [second, third]) {
    await expect.poll(async () => (await other.tile(first.name)).mutedAudio, other.name).toBe(true);
    await expect
      .poll(async () => (await other.perceives())[first.name], other.name)
      .toEqual({ picture: first.name, sound: 'silence' });
  }
  await first.driver.click('toggle-microphone');
  for (const other of [second, third]) {
    await expect.poll(async () => (await other.perceives())[first.name], other.name).toEqual({ picture: first.name, sound: first.name });
    expect((await other.tile(first.name)).mutedAudio).toBe(false);
  }
});

test('a switched-off camera shows no picture and is marked for the others, and comes back', async () => {
  await second.driver.click('toggle-camera');
  for (const other of [first, third]) {
    await expect.poll(async () => (await other.tile(second.name)).mutedVideo, other.name).toBe(true);
    await expect
      .poll(async () => (await other.perceives())[second.name], other.name)
      .toEqual({ picture: 'no picture', sound: second.name });
  }
  await second.driver.click('toggle-camera');
  for (const other of [first, third]) {
    await expect
      .poll(async () => (await other.perceives())[second.name], other.name)
      .toEqual({ picture: second.name, sound: second.name });
  }
});

test('a shared screen is seen by the others beside the camera, until it ends', async () => {
  await third.driver.click('toggle-screen');
  for (const other of [first, second]) {
    await expect.poll(async () => Object.values(await other.screens()), other.name).toEqual([SIGNATURES.amber.name]);
    await expect.poll(async () => (await other.perceives())[third.name], other.name).toEqual({ picture: third.name, sound: third.name });
  }
  await third.driver.click('toggle-screen');
  for (const other of [first, second]) {
    await expect.poll(() => other.screens(), other.name).toEqual({});
  }
});

test('what one writes, everybody reads', async () => {
  const words = 'Shall we meet at the pond? <b>Now</b>';
  for (const { driver } of all) await driver.click('toggle-chat');
  await first.driver.fill('chat-input', words);
  await first.driver.click('chat-send');
  for (const participant of all) {
    await expect.poll(async () => (await participant.texts('chat-message')).join(), participant.name).toContain(words);
  }
  expect((await second.texts('chat-message'))[0]).toContain(first.name);
});

test('who leaves is gone everywhere', async () => {
  for (const { driver } of all) await driver.click('toggle-people');
  await expect.poll(async () => (await first.texts('people-item')).length).toBe(3);
  const { participant: gone } = await first.tile(second.name);
  await second.driver.click('leave');
  for (const [other, remaining] of [
    [first, violet],
    [third, rose],
  ] as const) {
    await expect.poll(() => other.perceives(), other.name).toEqual(everybody(remaining));
    await expect.poll(async () => (await other.texts('people-item')).length, other.name).toBe(2);
    expect((await other.texts('people-item')).join()).not.toContain(second.name);
    expect(await other.driver.evaluate(() => window.orielTest.audioParticipants(), undefined)).not.toContain(gone);
  }
  await expect.poll(async () => (await server.metrics()).participants()).toBe(2);
});

test('who closes the tab is gone everywhere', async () => {
  await third.driver.close();
  await expect.poll(() => first.perceives()).toEqual({});
  await expect.poll(async () => (await server.metrics()).participants()).toBe(1);
});
