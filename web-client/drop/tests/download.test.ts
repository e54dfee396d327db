/** A download, whose bytes have an order, from blocks that have none. */
import { afterEach, expect, it } from 'vitest';
import { Bitmap } from '../src/bitmap.ts';
import { DownloadStore } from '../src/disk/download-store.ts';
import { Keeper } from '../src/disk/keeper.ts';
import { Sources } from '../src/disk/sources.ts';
import type { Given, Head } from '../src/downloads/messages.ts';
import { BLOCK } from '../src/limits.ts';
import { Manifest } from '../src/manifest.ts';
import { readPiece } from '../src/piece.ts';

const CONTENT = new Uint8Array(3 * BLOCK + 9).map((_, at) => at * 7 + (at >> 12));

/** What the browser is given. It takes a part when it is let. */
class Browser {
  readonly #channel = new MessageChannel();
  head: Head | undefined;
  readonly parts: Uint8Array[] = [];
  end: Given | undefined;
  takes = true;

  constructor() {
    this.#channel.port2.onmessage = ({ data }: MessageEvent<Given>) => {
      if (data instanceof Uint8Array) {
        this.parts.push(data);
        if (this.takes) this.say('taken');
      } else if (typeof data === 'string') this.end = data;
      else this.head = data;
    };
  }

  get port(): MessagePort {
    return this.#channel.port1;
  }

  say(heard: string): void {
    this.#channel.port2.postMessage(heard);
  }

  close(): void {
    this.#channel.port2.close();
  }
}

let browser: Browser;
afterEach(() => browser.close());

async function begin(files: readonly File[], chosen?: Bitmap) {
  browser = new Browser();
  const sources = new Sources();
  const { source, roots } = await sources.hash(files, () => {});
  const manifest = await Manifest.of(files.map(({ name, size, lastModified: modified }, at) => ({ path: name, size, modified, root: roots[at]! })));
  const wanted = chosen ?? Bitmap.full(files.length);
  const keeper = await Keeper.open(manifest, wanted, new DownloadStore(manifest, wanted, browser.port));
  const put = async (block: number): Promise<string> => {
    const { file, index } = manifest.place(block)!;
    const { buffer } = await sources.cut(source, file, index, manifest.id, block, 4 * BLOCK);
    const { bytes, proof } = readPiece(buffer)!;
    return keeper.put(block, bytes.slice(), proof);
  };
  return { keeper, put };
}

const FILE = new File([CONTENT], 'film.bin', { lastModified: 1_700_000_000_000 });

it('gives blocks in order, whenever they come, and one that comes twice once', async () => {
  const { put } = await begin([FILE]);
  expect(await Promise.all([3, 1, 0, 1, 2].map(put))).toEqual(Array(5).fill('stored'));
  expect(browser.head).toEqual({ name: 'film.bin', size: CONTENT.length });
  expect(browser.parts.map(({ length }) => length)).toEqual([BLOCK, BLOCK, BLOCK, 9]);
  expect(Buffer.concat(browser.parts).equals(CONTENT)).toBe(true);
  await expect.poll(() => browser.end).toBe('end');
});

it('counts a block when the browser has taken it', async () => {
  const { put } = await begin([FILE]);
  browser.takes = false;
  let stored = 0;
  for (const block of [0, 1]) void put(block).then(() => (stored += 1));
  await expect.poll(() => browser.parts.length).toBe(1);
  expect(stored).toBe(0);
  browser.say('taken');
  await expect.poll(() => browser.parts.length).toBe(2);
  expect(stored).toBe(1);
});

it('gives nothing more when the person has stopped it', async () => {
  const { put } = await begin([FILE]);
  const early = put(2);
  browser.say('stopped');
  expect(await early).toBe('lost');
  expect(await put(0)).toBe('lost');
  expect(browser.parts).toEqual([]);
});

it('says that it failed when the transfer ends early, and not when it was complete', async () => {
  const { keeper, put } = await begin([FILE]);
  await put(0);
  await keeper.remove();
  await expect.poll(() => browser.end).toBe('failed');
  const complete = await begin([new File(['x'], 'x')]);
  await complete.put(0);
  await complete.keeper.remove();
  await expect.poll(() => browser.end).toBe('end');
});

it('is an archive of those that were chosen, of the announced length, with an empty one at its end', async () => {
  const files = [FILE, new File(['no'], 'no.txt'), new File(['yes'], 'yes.txt'), new File([], 'zero')];
  const chosen = new Bitmap(4);
  for (const file of [2, 3]) chosen.add(file);
  const { put } = await begin(files, chosen);
  expect(await put(5)).toBe('stored');
  await expect.poll(() => browser.end).toBe('end');
  expect(browser.head!.name).toBe('oriel.zip');
  const whole = Buffer.concat(browser.parts);
  expect(whole.length).toBe(browser.head!.size);
  expect(whole.includes('yes.txt') && !whole.includes('no.txt') && whole.includes('zero')).toBe(true);
});
