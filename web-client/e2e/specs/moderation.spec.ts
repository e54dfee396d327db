/** Hands, private words, and what a moderator can do, by way of the page. */
import { expect, test } from '@playwright/test';

import { expectAccessible } from '../support/accessibility.ts';
import { complaintsOf } from '../support/chromium.ts';
import { PageParticipant } from '../support/pages.ts';
import { everybody } from '../support/participant.ts';
import { startServer, type Server } from '../support/server.ts';
import { SIGNATURES } from '../support/signature.ts';

const { rose, olive, violet, amber } = SIGNATURES;
const ROOM = 'council';

test.describe.configure({ mode: 'serial' });

let server: Server;
/** The first to come steers. */
let chair: PageParticipant;
let one: PageParticipant;
let two: PageParticipant;

test.beforeAll(async ({ browser }) => {
  server = await startServer();
  chair = await PageParticipant.open(browser, rose, { viewport: { width: 1180, height: 720 } });
  one = await PageParticipant.open(browser, olive);
  two = await PageParticipant.open(browser, violet);
  for (const each of [chair, one, two]) await each.join(server.url, ROOM);
  await expect.poll(() => chair.perceives()).toEqual(everybody(olive, violet));
});

test.afterAll(async () => {
  for (const each of [chair, one, two]) await each?.driver.close();
  await server?.stop();
});

async function picture(of: PageParticipant, name: string): Promise<void> {
  await of.page.screenshot({ path: test.info().outputPath(`${name}.png`) });
}

test('raised hands are seen by everybody, in order, and lowered by their owner or a moderator', async () => {
  await two.page.getByTestId('toggle-hand').click();
  await one.page.keyboard.press('h');
  await chair.show('people');
  await expect.poll(async () => (await chair.texts('people-item')).map((text) => /Rose|Olive|Violet/i.exec(text)?.[0].toLowerCase())).toEqual(
    [violet, olive, rose].map(({ name }) => name.toLowerCase()),
  );
  await expect(chair.page.getByTestId('tile-hand')).toHaveCount(2);
  await expectAccessible(chair.page, 'hands in the list of people');
  await picture(chair, 'hands');
  await one.page.getByTestId('toggle-hand').click();
  await chair.choose(violet.name, 'lower-hand');
  await expect(chair.page.getByTestId('tile-hand')).toHaveCount(0);
  await expect(two.page.getByTestId('toggle-hand')).toHaveAttribute('aria-pressed', 'false');
});

test('a private message is read by the two, and known to nobody else', async () => {
  await chair.choose(olive.name, 'write');
  await chair.page.getByTestId('chat-input').fill('Between the two of us');
  await chair.page.getByTestId('chat-send').click();
  await one.show('chat');
  await expect(one.page.getByTestId('chat-message')).toContainText(['only for you Between the two of us']);
  await expect(chair.page.getByTestId('chat-message')).toContainText([`only for ${olive.name} Between the two of us`]);
  await picture(chair, 'private-chat');
  // What is for everybody comes after it, so it would be there by now.
  await chair.page.getByTestId('chat-to').selectOption('');
  await chair.page.getByTestId('chat-input').fill('To all');
  await chair.page.getByTestId('chat-send').click();
  const chat = () => two.page.evaluate(() => window.orielTest.room().chat.map(({ text }) => text));
  await expect.poll(chat).toEqual(['To all']);
});

test('a moderator mutes, asks to unmute, and is told of by name', async () => {
  await chair.choose(olive.name, 'mute-microphone');
  await expect(one.page.getByTestId('bulletin-muted')).toContainText(`${rose.name} muted your microphone`);
  await expect(one.page.getByTestId('toggle-microphone')).toHaveAttribute('aria-pressed', 'false');
  await expect.poll(async () => (await two.perceives())[olive.name]?.sound).toBe('silence');
  await chair.choose(olive.name, 'ask-microphone');
  await expect(one.page.getByTestId('bulletin-asked')).toContainText(rose.name);
  await picture(one, 'asked-to-unmute');
  expect(await one.page.getByTestId('toggle-microphone').getAttribute('aria-pressed')).toBe('false');
  await one.page.getByTestId('bulletin-asked').getByTestId('bulletin-act').click();
  await expect(one.page.getByTestId('toggle-microphone')).toHaveAttribute('aria-pressed', 'true');
  await expect.poll(async () => (await two.perceives())[olive.name]?.sound).toBe(olive.name);
});

test('who comes to a lobby waits, is let in, or sent away', async ({ browser }) => {
  await chair.steer();
  await expectAccessible(chair.page, 'settings of the room');
  await picture(chair, 'room-settings');
  await chair.page.getByTestId('set-lobby').click();
  await expect(chair.page.getByTestId('set-lobby')).toBeChecked();
  await chair.page.keyboard.press('Escape');
  const guest = await PageParticipant.open(browser, amber);
  await guest.knock(server.url, ROOM);
  await expect(guest.page.getByTestId('waiting')).toContainText('Somebody will let you in soon');
  await expectAccessible(guest.page, 'lobby');
  await picture(guest, 'waiting');
  await expect(chair.page.getByTestId('bulletin-lobby')).toContainText(amber.name);
  await expect(one.page.getByTestId('bulletin-lobby')).toHaveCount(0);
  await chair.show('people');
  await expectAccessible(chair.page, 'somebody waits');
  await picture(chair, 'lobby');
  await chair.page.getByTestId('admit').click();
  await expect.poll(() => guest.perceives()).toEqual(everybody(rose, olive, violet));
  await expect(chair.page.getByTestId('bulletin-lobby')).toHaveCount(0);
  // Who was let in once is not asked again.
  await guest.driver.click('leave');
  await guest.driver.close();
  const other = await PageParticipant.open(browser, amber);
  await other.knock(server.url, ROOM);
  await expect(other.page.getByTestId('waiting')).toBeVisible();
  await chair.page.getByTestId('deny').click();
  await expect(other.page.getByTestId('left')).toContainText('You were not let in');
  await other.driver.close();
  await chair.steer();
  await chair.page.getByTestId('set-lobby').click();
  await expect(chair.page.getByTestId('set-lobby')).not.toBeChecked();
  await chair.page.keyboard.press('Escape');
});

test('a locked room takes nobody in, a password asks for itself', async ({ browser }) => {
  await chair.steer();
  await chair.page.getByTestId('set-locked').click();
  await expect(chair.page.getByTestId('set-locked')).toBeChecked();
  const guest = await PageParticipant.open(browser, amber);
  await guest.knock(server.url, ROOM);
  await expect(guest.page.getByTestId('left')).toContainText('The room is locked');
  await chair.page.getByTestId('set-locked').click();
  await chair.page.getByTestId('room-password').fill('sesame');
  await chair.page.getByTestId('set-password').click();
  await expect(chair.page.getByTestId('clear-password')).toBeVisible();
  await guest.knock(server.url, ROOM);
  await guest.page.getByTestId('password-input').fill('seasalt');
  await picture(guest, 'password');
  await guest.page.getByTestId('join-button').click();
  await expect(guest.page.locator('#password-words')).toContainText('That is not the password');
  await expectAccessible(guest.page, 'a wrong password');
  await guest.page.getByTestId('password-input').fill('sesame');
  await guest.page.getByTestId('join-button').click();
  await expect.poll(async () => Object.keys(await guest.perceives()).length).toBe(3);
  await chair.page.getByTestId('clear-password').click();
  await expect(chair.page.getByTestId('clear-password')).toHaveCount(0);
  await chair.page.keyboard.press('Escape');
  await guest.driver.click('leave');
  await expect.poll(async () => Object.keys(await chair.perceives()).length).toBe(2);
  await guest.driver.close();
});

test('a moderator moves somebody to a breakout room and back, without a reload', async () => {
  const marked = () => one.page.evaluate(() => (window as { stays?: boolean }).stays);
  await one.page.evaluate(() => void ((window as { stays?: boolean }).stays = true));
  const move = (by: PageParticipant, whom: string, to: string) =>
    by.page.evaluate(([id, room]) => window.orielTest.room().moderation.move(id!, room!), [whom, to]);
  await move(chair, await one.id(), `${ROOM}.blue`);
  await expect(one.page.locator('oriel-call h1')).toHaveText(`${ROOM}.blue`);
  await expect(one.page.getByTestId('bulletin-moved')).toContainText('blue');
  await expect.poll(() => chair.perceives()).toEqual(everybody(violet));
  await expect.poll(() => one.perceives()).toEqual({});
  await move(chair, await two.id(), `${ROOM}.blue`);
  await expect.poll(() => one.perceives(), 'in the breakout room').toEqual(everybody(violet));
  await expect.poll(() => two.perceives(), 'in the breakout room').toEqual(everybody(olive));
  // Whoever steers there sends them back.
  await move(one, await two.id(), ROOM);
  await expect.poll(() => chair.perceives()).toEqual(everybody(violet));
  await expect.poll(() => two.perceives()).toEqual(everybody(rose));
  await move(one, await one.id(), ROOM);
  await expect.poll(() => chair.perceives()).toEqual(everybody(olive, violet));
  await expect.poll(() => one.perceives()).toEqual(everybody(rose, violet));
  expect(await marked()).toBe(true);
});

test('who is removed is told so, and cannot come back with the same invitation', async () => {
  await chair.choose(violet.name, 'remove');
  await picture(chair, 'remove');
  await chair.page.getByTestId('confirm').click();
  await expect(two.page.getByTestId('left')).toContainText('You were removed');
  await expect.poll(() => chair.perceives()).toEqual(everybody(olive));
  for (const each of [chair, one]) expect(complaintsOf(each.page), `errors in the console of ${each.name}`).toEqual([]);
});

test('a moderator ends the room for everybody', async () => {
  await chair.steer();
  await chair.page.getByTestId('end-room').click();
  await chair.page.getByTestId('confirm').click();
  for (const each of [chair, one]) await expect(each.page.getByTestId('left')).toContainText('The room has ended');
});
