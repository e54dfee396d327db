/** Pages of the file drop, as tests use them. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, expect, type Browser, type BrowserContext, type Locator, type Page } from '@playwright/test';

import { bundle } from './bundle.ts';
import { CHROMIUM } from './chromium.ts';

/** Without the camera's permission a page shows made-up names for its addresses, which only a network could resolve. */
const ADDRESSES = '--disable-features=WebRtcHideLocalIpsWithMdns';

/** How Chromium is started where pages connect with each other. */
export const DROP_CHROMIUM = { ...CHROMIUM, args: [...CHROMIUM.args!, ADDRESSES] };

/** A folder of a test's own; remove it when the test is over. */
export function makeFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'oriel-drop-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Makes what pages have stored in a browser's own file system that much older. The browser is closed. */
export function ageStored(profile: string, hours: number): void {
  const then = Date.now() / 1000 - hours * 3600;
  const stored = readdirSync(join(profile, 'Default', 'File System'), { recursive: true, withFileTypes: true });
  for (const entry of stored) if (entry.isFile()) utimesSync(join(entry.parentPath, entry.name), then, then);
}

/** SHA-256 of a file, hexadecimal. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest('hex');
}

/** A page of the file drop. */
export class DropPage {
  constructor(readonly page: Page) {}

  /** In a window of its own, that keeps nothing. */
  static async open(browser: Browser): Promise<DropPage> {
    return DropPage.in(await browser.newContext({ locale: 'en-GB', viewport: { width: 900, height: 900 } }));
  }

  /** In a browser that keeps what is stored, in that folder. Close its context. */
  static async keeping(folder: string): Promise<DropPage> {
    return DropPage.in(await chromium.launchPersistentContext(folder, { ...DROP_CHROMIUM, locale: 'en-GB', viewport: { width: 900, height: 900 } }));
  }

  static async in(context: BrowserContext): Promise<DropPage> {
    await context.addInitScript({ content: await bundle('drop.ts') });
    return new DropPage(context.pages()[0] ?? (await context.newPage()));
  }

  at(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** Offers files from disk, or a folder; gives the link. */
  async offer(serverUrl: string, paths: string | readonly string[], { isFolder = false, isRelayOnly = false, isOnce = false } = {}): Promise<string> {
    await this.page.goto(`${serverUrl}/drop`);
    if (isRelayOnly) await this.at('relay-only').check();
    if (isOnce) await this.at('once').check();
    await this.at('name').fill('Ada');
    await this.at(isFolder ? 'folder' : 'files').setInputFiles(paths);
    return this.link();
  }

  /** The link that this page gives out. */
  async link(): Promise<string> {
    return (await this.at('copy-link').getAttribute('data-link'))!;
  }

  /** Comes by a link. */
  async come(link: string, name = 'Ben', isRelayOnly = false): Promise<void> {
    await this.page.goto(link);
    if (isRelayOnly) await this.at('relay-only').check();
    await this.at('name').fill(name);
    await this.at('connect').click();
  }

  /** Opens the page, and has this device seen in its network by that name. */
  async showNearby(serverUrl: string, name: string): Promise<void> {
    await this.page.goto(`${serverUrl}/drop`);
    await this.at('name').fill(name);
    await this.at('show-me').click();
    await expect(this.at('hide-me')).toBeVisible();
  }

  /** Waits for an offer and takes all of it. */
  async acceptAll(): Promise<void> {
    await this.at('accept-all').click();
  }

  /** Waits until one transfer of this page stands so. */
  async stands(state: string, timeout = 90_000): Promise<void> {
    await expect(this.at('transfer')).toHaveAttribute('data-state', state, { timeout });
  }

  /** Bytes that are stored and verified of the one transfer. */
  async bytes(): Promise<number> {
    return Number((await this.at('transfer').getAttribute('data-bytes')) ?? 0);
  }

  /** Waits until so many bytes are there. */
  async has(bytes: number): Promise<void> {
    await expect.poll(() => this.bytes(), { intervals: [20], timeout: 60_000 }).toBeGreaterThan(bytes);
  }

  /** Presses a button that saves, and gives where the browser put the file. */
  async save(testId: 'save-file' | 'save-archive'): Promise<{ readonly path: string; readonly name: string }> {
    const [download] = await Promise.all([this.page.waitForEvent('download'), this.at(testId).click()]);
    return { path: await download.path(), name: download.suggestedFilename() };
  }

  /** Has files go to a place of the test's choosing. */
  async choosePlaces(): Promise<void> {
    await this.page.evaluate(() => window.orielDropTest.choosePlaces());
  }

  /** The files at that place, each with its size and SHA-256. */
  placed(): Promise<Record<string, string>> {
    return this.page.evaluate(() => window.orielDropTest.placed());
  }

  /** Bytes that came by data channels for blocks since the page was loaded. */
  blockBytes(): Promise<number> {
    return this.page.evaluate(() => window.orielDropTest.blockBytes());
  }

  /** Has one byte of the first block changed on its way from this page. */
  async spoilOneBlock(): Promise<void> {
    await this.page.evaluate(() => window.orielDropTest.spoilOneBlock());
  }

  /** Takes away what pages store files in, as windows do that let them store nothing. Before the page is opened. */
  async without(what: 'storage' | 'storage and service workers'): Promise<void> {
    const context = this.page.context();
    await context.addInitScript(() => Object.defineProperty(StorageManager.prototype, 'getDirectory', { value: () => Promise.reject(new DOMException('', 'SecurityError')) }));
    // Scripts of a context do not reach its workers.
    await context.route(/\/assets\/worker-[^/]*\.js$/u, async (route) => {
      const response = await route.fetch();
      const refuse = "Object.defineProperty(StorageManager.prototype, 'getDirectory', { value: () => Promise.reject(new DOMException('', 'SecurityError')) });";
      await route.fulfill({ response, body: `${refuse}\n${await response.text()}` });
    });
    if (what === 'storage') return;
    await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'serviceWorker', { value: undefined }));
  }

  /** What is kept in the browser's file system: numbers of files by transfer. */
  kept(): Promise<Record<string, number>> {
    return this.page.evaluate(() => window.orielDropTest.kept());
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
