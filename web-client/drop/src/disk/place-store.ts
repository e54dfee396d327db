/**
 * Files at a place that the person has chosen: a file, or a folder. Each is written beside it by the browser and put
 * in place when it is complete and verified; what is not, is never there under its name with a byte of it.
 */
import type { Bitmap } from '../bitmap.ts';
import type { Bytes } from '../bytes.ts';
import type { Manifest } from '../manifest.ts';
import { numbered, storedPaths } from '../names.ts';
import type { Place } from './requests.ts';
import { FullError, LostError, type Store } from './store.ts';

/** A file that is being written. */
interface Open {
  readonly handle: FileSystemFileHandle;
  readonly stream: FileSystemWritableFileStream;
  /** Deletes it. */
  remove(): Promise<void>;
}

export class PlaceStore implements Store {
  readonly kind = 'place';
  readonly #place: Place;
  readonly #paths: readonly string[];
  readonly #open = new Map<number, Promise<Open>>();
  readonly #done = new Map<number, FileSystemFileHandle>();

  private constructor(place: Place, paths: readonly string[]) {
    this.#place = place;
    this.#paths = paths;
  }

  /** At a file for the one that is wanted, or in a folder, where nothing that is there is written over. */
  static async open(manifest: Manifest, files: Bitmap, place: Place): Promise<PlaceStore> {
    const paths = storedPaths(manifest.files.map(({ path }) => path));
    if (place.kind === 'file') {
      if (files.count !== 1) throw new Error('Several files need a folder.');
      return new PlaceStore(place, paths);
    }
    const names = new Map<string, string>();
    for (const path of paths) {
      const [top] = path.split('/') as [string];
      if (!names.has(top)) names.set(top, await freeName(place, top, new Set(names.values())));
    }
    return new PlaceStore(
      place,
      paths.map((path) => {
        const [top, ...rest] = path.split('/') as [string, ...string[]];
        return [names.get(top)!, ...rest].join('/');
      }),
    );
  }

  leaves(): Promise<ReadonlyMap<number, Bytes>> {
    return Promise.resolve(new Map<number, Bytes>());
  }

  read(): Promise<Bytes> {
    return Promise.resolve(new Uint8Array());
  }

  write(_block: number, file: number, offset: number, bytes: Bytes): Promise<void> {
    return asStoreError(async () => (await this.#use(file)).stream.write({ type: 'write', position: offset, data: bytes }));
  }

  complete(file: number): Promise<void> {
    return asStoreError(async () => {
      const { handle, stream } = await this.#use(file);
      await stream.close();
      this.#open.delete(file);
      this.#done.set(file, handle);
    });
  }

  async file(file: number): Promise<Blob> {
    const handle = this.#done.get(file);
    if (!handle) throw new Error('The file is not complete yet.');
    return handle.getFile();
  }

  /** What is not complete is deleted: nobody could go on with it. What is, is the person's. */
  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const one of await Promise.allSettled(open)) {
      if (one.status === 'rejected') continue;
      await one.value.stream.abort().catch(() => {});
      await one.value.remove().catch(() => {});
    }
  }

  remove(): Promise<void> {
    return this.close();
  }

  #use(file: number): Promise<Open> {
    let open = this.#open.get(file);
    if (!open) this.#open.set(file, (open = this.#create(this.#paths[file]!)));
    return open;
  }

  async #create(path: string): Promise<Open> {
    if (this.#place.kind === 'file') {
      const handle: FileSystemFileHandle & { remove?(): Promise<void> } = this.#place;
      return { handle, stream: await handle.createWritable(), remove: () => handle.remove?.() ?? Promise.resolve() };
    }
    let folder = this.#place;
    const names = path.split('/');
    const name = names.pop()!;
    for (const inside of names) folder = await folder.getDirectoryHandle(inside, { create: true });
    const handle = await folder.getFileHandle(name, { create: true });
    return { handle, stream: await handle.createWritable(), remove: () => folder.removeEntry(name) };
  }
}

/** A name that neither the folder nor anything that will come into it has. */
async function freeName(folder: FileSystemDirectoryHandle, name: string, taken: ReadonlySet<string>): Promise<string> {
  for (let free = name, number = 2; ; number += 1) {
    if (!taken.has(free) && !(await has(folder, free))) return free;
    free = numbered(name, number);
  }
}

async function has(folder: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  try {
    await folder.getFileHandle(name);
    return true;
  } catch (error) {
    // A folder of that name is a mismatch of types.
    return !(error instanceof DOMException && error.name === 'NotFoundError');
  }
}

async function asStoreError<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'QuotaExceededError') throw new FullError('The disk is full.');
    throw new LostError('The chosen place can no longer be written.', { cause: error });
  }
}
