/** Receives: verifies blocks against the manifest and stores what is right, and nothing else. */
import { Bitmap } from '../bitmap.ts';
import type { Bytes } from '../bytes.ts';
import { blocksIn, type Manifest } from '../manifest.ts';
import { isProven, leafOf } from '../merkle.ts';
import { storedPaths } from '../names.ts';
import type { Verdict } from './requests.ts';
import { FullError, type Store } from './store.ts';

export class Keeper {
  readonly #manifest: Manifest;
  readonly #files: Bitmap;
  readonly #store: Store;
  readonly #have: Bitmap;

  private constructor(manifest: Manifest, files: Bitmap, store: Store) {
    this.#manifest = manifest;
    this.#files = files;
    this.#store = store;
    this.#have = new Bitmap(manifest.blocks);
  }

  /** Over a store in which there may be something already: that is verified anew. */
  static async open(manifest: Manifest, files: Bitmap, store: Store): Promise<Keeper> {
    const keeper = new Keeper(manifest, files, store);
    for (const [block, leaf] of await store.leaves()) {
      const place = manifest.place(block);
      if (!place) continue;
      const bytes = await store.read(place.file, place.offset, place.length);
      if (bytes.length === place.length && isSame(await leafOf(bytes), leaf)) keeper.#have.add(block);
    }
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
    try {
      await this.#store.write(block, place.file, place.offset, bytes, leaf);
    } catch (error) {
      if (error instanceof FullError) return 'full';
      throw error;
    }
    this.#have.add(block);
    return 'stored';
  }

  /** A file that is complete. */
  take(file: number): Promise<Blob> {
    const { first, end } = this.#manifest.range(file);
    for (let block = first; block < end; block += 1) {
      if (!this.#have.has(block)) return Promise.reject(new Error('The file is not complete yet.'));
    }
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
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
