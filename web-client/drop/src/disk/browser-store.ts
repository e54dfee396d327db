/**
 * Files in the browser's own file system (OPFS), a folder for each transfer: `manifest`, `files` (which were accepted),
 * `leaves` (32 bytes for each block, zeros for what is missing), and the files by their numbers.
 */
import type { Bytes } from '../bytes.ts';
import { HASH } from '../merkle.ts';
import './sync-access.ts';
import { FullError, type Store } from './store.ts';

const FOLDER = 'oriel-drop';
/** Milliseconds that what was not saved is kept after the last block came. */
const KEPT = 24 * 3_600_000;
/** Files that are open at a time. */
const OPEN_FILES = 16;
/** The page before a reload may hold a file for a moment: how often, and after how many milliseconds, it is tried again. */
const ATTEMPTS = 30;
const PAUSE = 100;

export class BrowserStore implements Store {
  readonly kind = 'browser';
  readonly #folder: FileSystemDirectoryHandle;
  readonly #id: string;
  readonly #blocks: number;
  readonly #leaves: FileSystemSyncAccessHandle;
  /** Those used last stand last. */
  readonly #open = new Map<number, Promise<FileSystemSyncAccessHandle>>();

  private constructor(folder: FileSystemDirectoryHandle, id: string, blocks: number, leaves: FileSystemSyncAccessHandle) {
    this.#folder = folder;
    this.#id = id;
    this.#blocks = blocks;
    this.#leaves = leaves;
  }

  /** Whether this browser has it for this page. */
  static async isAvailable(): Promise<boolean> {
    try {
      await root();
      return 'createSyncAccessHandle' in FileSystemFileHandle.prototype;
    } catch {
      return false;
    }
  }

  /** What was accepted of a transfer that is stored here in part; undefined if it is not. */
  static async accepted(id: string): Promise<string | undefined> {
    try {
      const folder = await (await root()).getDirectoryHandle(id);
      return await (await (await folder.getFileHandle('files')).getFile()).text();
    } catch {
      return undefined;
    }
  }

  /** Makes room for a transfer, or finds it. Rejects with a `FullError` where `bytes` more find no space. */
  static async open(id: string, blocks: number, accepted: string, bytes: number): Promise<BrowserStore> {
    const isNew = (await BrowserStore.accepted(id)) !== accepted;
    const { quota = 0, usage = 0 } = await navigator.storage.estimate();
    if (isNew && quota - usage < bytes) throw new FullError('The browser has no space for these files.');
    const folder = await (await root()).getDirectoryHandle(id, { create: true });
    const leaves = await openFile(folder, 'leaves');
    try {
      if (leaves.getSize() !== blocks * HASH) {
        leaves.truncate(0);
        leaves.truncate(blocks * HASH);
      }
      await writeText(folder, 'files', accepted);
    } catch (error) {
      leaves.close();
      if (isNew) await BrowserStore.remove(id);
      throw asFull(error);
    }
    return new BrowserStore(folder, id, blocks, leaves);
  }

  /** Deletes what is stored of a transfer, if anything is. What is open in another window stays. */
  static async remove(id: string): Promise<void> {
    await (await root()).removeEntry(id, { recursive: true }).catch(() => {});
  }

  /** Deletes what nobody has come back for, and what was never begun. */
  static async sweep(now: number): Promise<void> {
    const all = await root();
    for await (const [name, handle] of all.entries()) {
      const leaves = await (handle as FileSystemDirectoryHandle)
        .getFileHandle('leaves')
        .then((file) => file.getFile())
        .catch(() => undefined);
      if (!leaves || now - leaves.lastModified >= KEPT) await BrowserStore.remove(name);
    }
  }

  leaves(): Promise<ReadonlyMap<number, Bytes>> {
    const all = new Uint8Array(this.#blocks * HASH);
    this.#leaves.read(all, { at: 0 });
    const found = new Map<number, Bytes>();
    for (let block = 0; block < this.#blocks; block += 1) {
      const leaf = all.slice(block * HASH, (block + 1) * HASH);
      if (leaf.some((byte) => byte !== 0)) found.set(block, leaf);
    }
    return Promise.resolve(found);
  }

  async read(file: number, offset: number, length: number): Promise<Bytes> {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, await this.#use(file, (handle) => handle.read(bytes, { at: offset })));
  }

  async write(block: number, file: number, offset: number, bytes: Bytes, leaf: Bytes): Promise<void> {
    try {
      const written = await this.#use(file, (handle) => handle.write(bytes, { at: offset }));
      if (written < bytes.length) throw new FullError('The disk is full.');
      this.#leaves.write(leaf, { at: block * HASH });
    } catch (error) {
      throw asFull(error);
    }
  }

  complete(): Promise<void> {
    return Promise.resolve();
  }

  async file(file: number, size: number): Promise<Blob> {
    const open = this.#open.get(file);
    this.#open.delete(file);
    (await open)?.close();
    // An empty file was never written.
    if (size === 0) return new Blob();
    return (await this.#folder.getFileHandle(String(file))).getFile();
  }

  async close(): Promise<void> {
    this.#leaves.close();
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const handle of await Promise.allSettled(open)) if (handle.status === 'fulfilled') handle.value.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await BrowserStore.remove(this.#id);
  }

  /** Does something with a file that is open, or is opened for it. It is closed later, when others are used more. */
  #use<T>(file: number, act: (handle: FileSystemSyncAccessHandle) => T): Promise<T> {
    const handle = this.#open.get(file) ?? openFile(this.#folder, String(file));
    this.#open.delete(file);
    this.#open.set(file, handle);
    handle.catch(() => this.#open.delete(file));
    // Before what closes it, which waits for the same promise.
    const done = handle.then(act);
    const [oldest] = this.#open;
    if (oldest && this.#open.size > OPEN_FILES) {
      this.#open.delete(oldest[0]);
      oldest[1].then((unused) => unused.close(), () => {});
    }
    return done;
  }
}

function asFull(error: unknown): unknown {
  return error instanceof DOMException && error.name === 'QuotaExceededError' ? new FullError('The disk is full.') : error;
}

async function root(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
}

async function openFile(folder: FileSystemDirectoryHandle, name: string): Promise<FileSystemSyncAccessHandle> {
  const handle = await folder.getFileHandle(name, { create: true });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await handle.createSyncAccessHandle();
    } catch (error) {
      if (attempt >= ATTEMPTS) throw new Error('These files are being received in another window already.', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

async function writeText(folder: FileSystemDirectoryHandle, name: string, text: string): Promise<void> {
  const handle = await openFile(folder, name);
  handle.truncate(0);
  handle.write(new TextEncoder().encode(text), { at: 0 });
  handle.close();
}
