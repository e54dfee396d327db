import { expect, type Browser, type BrowserContextOptions, type Locator, type Page } from '@playwright/test';

import type { PreloadSettings } from '../browser/preload.ts';
import { chromiumDriver, openChromiumPage } from './chromium.ts';
import { Participant } from './participant.ts';
import { SIGNATURES, type Signature } from './signature.ts';

/** Somebody in a room by way of a Chromium page, for tests that go into its panels and menus. */
export class PageParticipant extends Participant {
  constructor(
    signature: Signature,
    readonly page: Page,
  ) {
    super(signature, chromiumDriver(page));
  }

  /** Opens a page of one's own; it has gone nowhere yet. */
  static async open(browser: Browser, signature: Signature, options: BrowserContextOptions = {}, more: Partial<PreloadSettings> = {}): Promise<PageParticipant> {
    const settings = { signature, screen: SIGNATURES.amber, devices: 'granted', ...more } as const;
    return new PageParticipant(signature, await openChromiumPage(browser, settings, options));
  }

  /** The id that the room gave to this participation. */
  id(): Promise<string> {
    return this.page.evaluate(() => window.orielTest.room().localParticipant.id);
  }

  /** What the SDK says of the room's state. */
  state(): Promise<string> {
    return this.page.evaluate(() => window.orielTest.room().state);
  }

  /** Names of the events since the call before; the first call begins to listen. */
  happenings(): Promise<string[]> {
    return this.page.evaluate(() => window.orielTest.happenings());
  }

  /** Opens a panel if it is closed. */
  async show(panel: 'chat' | 'people'): Promise<void> {
    const button = this.page.getByTestId(`toggle-${panel}`);
    if ((await button.getAttribute('aria-expanded')) !== 'true') await button.click();
    await expect(button).toHaveAttribute('aria-expanded', 'true');
  }

  /** Somebody's line in the list of people. */
  person(name: string): Locator {
    return this.page.getByTestId('people-item').filter({ hasText: name });
  }

  /** Chooses from somebody's menu in the list of people, by the end of the entry's `data-testid`. */
  async choose(name: string, entry: string): Promise<void> {
    await this.show('people');
    await this.person(name).getByTestId('person-menu').click();
    await this.page.getByTestId(`person-${entry}`).click();
  }

  /** Opens the settings of the room. */
  async steer(): Promise<void> {
    await this.page.getByTestId('more').click();
    await this.page.getByTestId('open-steering').click();
    await expect(this.page.getByTestId('set-lobby')).toBeVisible();
  }

  /** Fills in the door and presses the button, wherever that leads. */
  async knock(serverUrl: string, room: string): Promise<void> {
    await this.page.goto(`${serverUrl}/r/${room}`);
    await this.page.getByTestId('name-input').fill(this.name);
    await this.page.getByTestId('join-button').click();
  }
}
