/** Files in memory, for browsers and windows that let a page store nothing. */
import type { Bytes } from '../bytes.ts';
import { BLOCK } from '../limits.ts';
import type { Store } from './store.ts';

export class MemoryStore implements Store {
  readonly kind = 'memory';
  readonly #files = new Map<number, Bytes[]>();

  leaves(): Promise<ReadonlyMap<number, Bytes>> {
    return Promise.resolve(new Map<number, Bytes>());
  }

  read(file: number, offset: number, length: number): Promise<Bytes> {
    return Promise.resolve((this.#files.get(file)?.[offset / BLOCK] ?? new Uint8Array()).slice(0, length));
  }

  write(_block: number, file: number, offset: number, bytes: Bytes): Promise<void> {
    let parts = this.#files.get(file);
    if (!parts) this.#files.set(file, (parts = []));
    parts[offset / BLOCK] = bytes;
    return Promise.resolve();
  }

  complete(): Promise<void> {
    return Promise.resolve();
  }

  file(file: number): Promise<Blob> {
    return Promise.resolve(new Blob(this.#files.get(file) ?? []));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  remove(): Promise<void> {
    this.#files.clear();
    return Promise.resolve();
  }
}
