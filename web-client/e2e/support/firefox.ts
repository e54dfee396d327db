import puppeteer, { type Browser, type Page } from 'puppeteer-core';

import type { PreloadSettings } from '../browser/preload.ts';
import { preload } from './bundle.ts';
import type { Driver } from './driver.ts';
import type { SoundServer } from './sound-server.ts';

const PREFERENCES = {
  'media.navigator.permission.disabled': true,
  // Machines without a network have nothing but the loopback interface.
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // The synthetic microphone hums before anybody has clicked.
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
};

/** Starts Debian's Firefox ESR, driven by WebDriver BiDi. */
export function launchFirefox(sound: SoundServer, more: Readonly<Record<string, unknown>> = {}): Promise<Browser> {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: { ...PREFERENCES, ...more },
    env: { ...process.env, PULSE_SERVER: sound.address },
  });
}

/** Opens a page whose devices are synthetic. */
export async function openFirefoxPage(browser: Browser, settings: PreloadSettings): Promise<Page> {
  const page = await browser.newPage();
  await page.setViewport({ width: 720, height: 480 });
  await page.evaluateOnNewDocument(await preload(settings));
  return page;
}

/** Drives a page by puppeteer. */
export function firefoxDriver(page: Page): Driver {
  const locate = (testId: string) => page.locator(`>>> [data-testid="${testId}"]`);
  return {
    goto: async (url) => {
      await page.goto(url);
    },
    evaluate: (run, argument) => page.evaluate(run as (argument: unknown) => unknown, argument) as never,
    click: (testId) => locate(testId).click(),
    fill: (testId, text) => locate(testId).fill(text),
    screenshot: async (path) => {
      await page.screenshot({ path });
    },
    close: () => page.close(),
  };
}
