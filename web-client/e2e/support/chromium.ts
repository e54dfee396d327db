import type { Browser, BrowserContextOptions, LaunchOptions, Page } from '@playwright/test';

import type { PreloadSettings } from '../browser/preload.ts';
import { preload } from './bundle.ts';
import type { Driver } from './driver.ts';

/** How Debian's Chromium is started for tests. */
export const CHROMIUM: LaunchOptions = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--disable-gpu',
    '--disable-quic',
    // Machines without a network have nothing but the loopback interface.
    '--allow-loopback-in-peer-connection',
    // The synthetic microphone hums before anybody has clicked.
    '--autoplay-policy=no-user-gesture-required',
  ],
};

/** The same with QUIC, for WebTransport. */
export const CHROMIUM_WITH_QUIC: LaunchOptions = { ...CHROMIUM, args: CHROMIUM.args?.filter((one) => one !== '--disable-quic') ?? [] };

/** Opens a page with its own profile whose devices are synthetic. */
export async function openChromiumPage(
  browser: Browser,
  settings: PreloadSettings,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 720, height: 480 }, ...options });
  // Somebody who has allowed the camera: with it the browser shows its addresses, as in a real call.
  if (settings.devices === 'granted') await context.grantPermissions(['camera', 'microphone']);
  await context.addInitScript({ content: await preload(settings) });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  complaints.set(page, errors);
  return page;
}

const complaints = new WeakMap<Page, string[]>();

/** Uncaught errors and what the browser complained of in the console, such as a breach of the page's own policy. */
export function complaintsOf(page: Page): readonly string[] {
  return complaints.get(page) ?? [];
}

/** Milliseconds for what a closed page has still to say. */
const FAREWELL = 500;

/** Drives a page by Playwright. */
export function chromiumDriver(page: Page): Driver {
  return {
    goto: async (url) => {
      await page.goto(url);
    },
    evaluate: (run, argument) => page.evaluate(run as never, argument) as never,
    click: (testId) => page.getByTestId(testId).click(),
    fill: (testId, text) => page.getByTestId(testId).fill(text),
    screenshot: async (path) => {
      await page.screenshot({ path });
    },
    close: async () => {
      if (!page.isClosed()) {
        // As a person closes a tab: the page hears of it, and can say good-bye. It may be gone before Playwright
        // has its answer; that it is gone is what we wait for.
        await Promise.all([page.waitForEvent('close'), page.close({ runBeforeUnload: true }).catch(() => {})]);
        // A tab's browser lives on, and sends what the page said last. Its context would take that along.
        await new Promise((resolve) => setTimeout(resolve, FAREWELL));
      }
      await page.context().close();
    },
  };
}
