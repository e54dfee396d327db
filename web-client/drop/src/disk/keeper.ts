/** Receives: verifies blocks against the manifest and stores what is right, and nothing else. */
import { Bitmap } from '../bitmap.ts';
import type { Bytes } from '../bytes.ts';
import { blocksIn, type Manifest } from '../manifest.ts';
import { isProven, leafOf } from '../merkle.ts';
import { storedPaths } from '../names.ts';
import type { Verdict } from './requests.ts';
import { FullError, LostError, type Store } from './store.ts';

export class Keeper {
  readonly #manifest: Manifest;
  readonly #files: Bitmap;
  readonly #store: Store;
  readonly #have: Bitmap;
  /** How many blocks of each file are missing. */
  readonly #missing: number[];
  /** What comes twice is written once. */
  readonly #writing = new Map<number, Promise<Verdict>>();

  private constructor(manifest: Manifest, files: Bitmap, store: Store) {
    this.#manifest = manifest;
    this.#files = files;
    this.#store = store;
    this.#have = new Bitmap(manifest.blocks);
    this.#missing = manifest.files.map(({ size }) => blocksIn(size));
  }

  /** Over a store in which there may be something already: that is verified anew. */
  static async open(manifest: Manifest, files: Bitmap, store: Store): Promise<Keeper> {
    const keeper = new Keeper(manifest, files, store);
    for (const [block, leaf] of await store.leaves()) {
      const place = manifest.place(block);
      if (!place) continue;
      const bytes = await store.read(place.file, place.offset, place.length);
      if (bytes.length === place.length && isSame(await leafOf(bytes), leaf)) keeper.#add(block, place.file);
    }
    for (const [file, { size }] of manifest.files.entries()) if (size === 0 && files.has(file)) await store.complete(file);
    return keeper;
  }

  /** Which blocks are there. */
  get have(): Bitmap {
    return this.#have;
  }

  async put(block: number, bytes: Bytes, proof: readonly Uint8Array[]): Promise<Verdict> {
    const place = this.#manifest.place(block);
    const entry = place && this.#manifest.files[place.file];
    if (!place || !entry || bytes.length !== place.length) return 'unverified';
    const leaf = await leafOf(bytes);
    if (!(await isProven(leaf, place.index, blocksIn(entry.size), proof, entry.root))) return 'unverified';
    if (this.#have.has(block)) return 'stored';
    let written = this.#writing.get(block);
    if (!written) {
      written = this.#write(block, place, bytes, leaf).finally(() => this.#writing.delete(block));
      this.#writing.set(block, written);
    }
    return written;
  }

  /** A file that is complete. */
  take(file: number): Promise<Blob> {
    if (this.#missing[file] !== 0) return Promise.reject(new Error('The file is not complete yet.'));
    return this.#store.file(file, this.#manifest.files[file]?.size ?? 0);
  }

  /** All files that were accepted, as one ZIP archive. */
  async archive(): Promise<Blob> {
    const paths = storedPaths(this.#manifest.files.map(({ path }) => path));
    const chosen = this.#manifest.files.map((_, file) => file).filter((file) => this.#files.has(file));
    // Few want one, so it is not loaded with the rest.
    const { archiveOf } = await import('./archive.ts');
    return archiveOf(
      await Promise.all(
        chosen.map(async (file) => ({ path: paths[file]!, modified: this.#manifest.files[file]!.modified, content: await this.take(file) })),
      ),
    );
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  remove(): Promise<void> {
    return this.#store.remove();
  }

  async #write(block: number, { file, offset }: { file: number; offset: number }, bytes: Bytes, leaf: Bytes): Promise<Verdict> {
    try {
      await this.#store.write(block, file, offset, bytes, leaf);
      this.#add(block, file);
      if (this.#missing[file] === 0) await this.#store.complete(file);
    } catch (error) {
      if (error instanceof FullError) return 'full';
      if (error instanceof LostError) return 'lost';
      throw error;
    }
    return 'stored';
  }

  #add(block: number, file: number): void {
    if (this.#have.add(block)) this.#missing[file]! -= 1;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
