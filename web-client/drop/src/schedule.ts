/**
 * Which blocks a receiver asks for, and when. Only so many are under way at a time: what has come and is not stored
 * yet counts, so that a slow disk stops the sender.
 */
import { Bitmap } from './bitmap.ts';
import { MAX_WANTED, MAX_WANTED_BYTES } from './limits.ts';
import type { Manifest } from './manifest.ts';

/** Times that one block may come and be wrong. */
const MAX_FAILURES = 5;

export class Schedule {
  readonly #manifest: Manifest;
  readonly #have: Bitmap;
  /** Blocks of the files that are wanted. */
  readonly #chosen: Bitmap;
  /** Asked for, and not stored. */
  readonly #asked = new Set<number>();
  #askedBytes = 0;
  /** To be asked for again, first of all. */
  readonly #again = new Set<number>();
  readonly #failures = new Map<number, number>();
  /** No block below it was not yet asked for. */
  #next = 0;
  #left = 0;
  #gotBytes = 0;
  #totalBytes = 0;

  /** `have` is what is stored already; it is kept up to date. */
  constructor(manifest: Manifest, files: Bitmap, have: Bitmap) {
    this.#manifest = manifest;
    this.#have = have;
    this.#chosen = new Bitmap(manifest.blocks);
    for (let file = 0; file < manifest.files.length; file += 1) if (files.has(file)) this.#choose(file);
  }

  /** Which blocks are stored. */
  get have(): Bitmap {
    return this.#have;
  }

  /** Bytes of the wanted files. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Bytes of them that are stored. */
  get gotBytes(): number {
    return this.#gotBytes;
  }

  get isDone(): boolean {
    return this.#left === 0;
  }

  /** Blocks that are under way. */
  get asked(): ReadonlySet<number> {
    return this.#asked;
  }

  /** What to ask for now. */
  take(): number[] {
    const blocks: number[] = [];
    for (let block = this.#peek(); block !== undefined; block = this.#peek()) {
      const { length } = this.#manifest.place(block)!;
      const isRoom = this.#asked.size === 0 || this.#askedBytes + length <= MAX_WANTED_BYTES;
      if (!isRoom || this.#asked.size >= MAX_WANTED) break;
      this.#again.delete(block);
      this.#asked.add(block);
      this.#askedBytes += length;
      blocks.push(block);
    }
    return blocks;
  }

  /** What a block that comes is: `late` for one that came before, `foreign` for one that nobody asked for. */
  whatIs(block: number): 'asked' | 'late' | 'foreign' {
    if (this.#asked.has(block)) return 'asked';
    return this.#have.has(block) ? 'late' : 'foreign';
  }

  /** It is verified and stored. */
  stored(block: number): void {
    this.#settle(block);
    if (!this.#have.add(block)) return;
    this.#left -= 1;
    this.#gotBytes += this.#manifest.place(block)!.length;
  }

  /** It came and is not what it should be: asked for again, unless that has been done too often. */
  failed(block: number): 'again' | 'given up' {
    const failures = (this.#failures.get(block) ?? 0) + 1;
    this.#failures.set(block, failures);
    this.lost([block]);
    return failures < MAX_FAILURES ? 'again' : 'given up';
  }

  /** They will not come: asked for again. */
  lost(blocks: Iterable<number>): void {
    for (const block of [...blocks]) {
      if (!this.#asked.has(block)) continue;
      this.#settle(block);
      this.#again.add(block);
    }
  }

  #choose(file: number): void {
    const { first, end } = this.#manifest.range(file);
    for (let block = first; block < end; block += 1) {
      const { length } = this.#manifest.place(block)!;
      this.#chosen.add(block);
      this.#totalBytes += length;
      if (this.#have.has(block)) this.#gotBytes += length;
      else this.#left += 1;
    }
  }

  #settle(block: number): void {
    if (this.#asked.delete(block)) this.#askedBytes -= this.#manifest.place(block)!.length;
  }

  /** The next block to ask for. */
  #peek(): number | undefined {
    for (const block of this.#again) return block;
    for (; this.#next < this.#manifest.blocks; this.#next += 1) {
      const isOpen = this.#chosen.has(this.#next) && !this.#have.has(this.#next) && !this.#asked.has(this.#next);
      if (isOpen) return this.#next;
    }
    return undefined;
  }
}
