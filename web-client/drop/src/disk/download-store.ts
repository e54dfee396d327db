/**
 * Files that go to the browser as a download while they come: one as it is, several as an archive. A download has an
 * order, so a block that comes early waits for those before it.
 */
import type { Bitmap } from '../bitmap.ts';
import type { Bytes } from '../bytes.ts';
import type { Given, Heard } from '../downloads/messages.ts';
import type { Manifest } from '../manifest.ts';
import { storedPaths } from '../names.ts';
import { ArchiveWriter, type ArchiveEntry } from './archive.ts';
import { LostError, type Store } from './store.ts';

/** A block that has come, and has not gone yet. */
interface Waiting {
  readonly bytes: Bytes;
  readonly taken: () => void;
  readonly lost: (error: LostError) => void;
}

/** Somebody who waits, and is told that there is nothing more to wait for. */
interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: LostError) => void;
}

export class DownloadStore implements Store {
  readonly kind = 'download';
  readonly #port: MessagePort;
  readonly #manifest: Manifest;
  /** Those that are wanted, with the names they get. */
  readonly #entries: readonly (ArchiveEntry & { readonly file: number })[];
  readonly #waiting = new Map<number, Waiting>();
  /** The block that goes at the moment. */
  #going: Waiting | undefined;
  /** What goes on when that block comes. */
  #missing: { readonly block: number; readonly waiter: Waiter } | undefined;
  /** What goes on when the browser has taken what it was given. */
  #giving: Waiter | undefined;
  #failure: LostError | undefined;
  #isOver = false;

  /** The port is that of a download (`downloads/`). */
  constructor(manifest: Manifest, files: Bitmap, port: MessagePort) {
    this.#port = port;
    this.#manifest = manifest;
    const paths = storedPaths(manifest.files.map(({ path }) => path));
    this.#entries = manifest.files
      .map(({ size, modified }, file) => ({ file, path: paths[file]!, size, modified }))
      .filter(({ file }) => files.has(file));
    port.onmessage = ({ data }: MessageEvent<Heard>) => {
      if (data === 'taken') this.#giving?.resolve();
      else if (data === 'stopped') this.#fail(new LostError('The download was stopped in the browser.'));
    };
    // Those whose blocks are under way hear of a failure.
    this.#run().catch(() => {});
  }

  leaves(): Promise<ReadonlyMap<number, Bytes>> {
    return Promise.resolve(new Map<number, Bytes>());
  }

  read(): Promise<Bytes> {
    return Promise.resolve(new Uint8Array());
  }

  /** Is done when the browser has taken the block; the last one, when the download is complete. */
  async write(block: number, _file: number, _offset: number, bytes: Bytes): Promise<void> {
    await new Promise<void>((taken, lost) => {
      if (this.#failure) return lost(this.#failure);
      this.#waiting.set(block, { bytes, taken, lost });
      if (this.#missing?.block === block) this.#missing.waiter.resolve();
    });
  }

  complete(): Promise<void> {
    return Promise.resolve();
  }

  file(): Promise<Blob> {
    return Promise.reject(new Error('The file is among the downloads of the browser.'));
  }

  close(): Promise<void> {
    if (!this.#isOver) this.#fail(new LostError('The transfer has ended.'));
    this.#port.close();
    return Promise.resolve();
  }

  remove(): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const [only] = this.#entries;
    const isOne = this.#entries.length === 1 && !only!.path.includes('/');
    const archive = isOne ? undefined : new ArchiveWriter();
    this.#say(archive ? { name: 'oriel.zip', size: ArchiveWriter.sizeOf(this.#entries) } : { name: only!.path, size: only!.size });
    const last = Math.max(...this.#entries.map(({ file }) => this.#manifest.range(file).end)) - 1;
    for (const entry of this.#entries) {
      if (archive) await this.#give(archive.begin(entry));
      const { first, end } = this.#manifest.range(entry.file);
      for (let block = first; block < end; block += 1) {
        const going = (this.#going = await this.#next(block));
        archive?.add(going.bytes);
        await this.#give(going.bytes);
        if (block !== last) going.taken();
      }
      if (archive) await this.#give(archive.finish());
    }
    if (archive) await this.#give(archive.end());
    this.#isOver = true;
    this.#say('end');
    this.#going?.taken();
  }

  /** The block of that number, when it has come. */
  async #next(block: number): Promise<Waiting> {
    if (!this.#waiting.has(block)) {
      await new Promise<void>((resolve, reject) => {
        if (this.#failure) reject(this.#failure);
        else this.#missing = { block, waiter: { resolve, reject } };
      });
    }
    const waiting = this.#waiting.get(block)!;
    this.#waiting.delete(block);
    return waiting;
  }

  #give(bytes: Bytes): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      this.#giving = { resolve, reject };
      this.#port.postMessage(bytes satisfies Given, [bytes.buffer]);
    });
  }

  #say(said: Given): void {
    this.#port.postMessage(said);
  }

  #fail(failure: LostError): void {
    if (this.#isOver || this.#failure) return;
    this.#failure = failure;
    this.#say('failed');
    for (const { lost } of this.#waiting.values()) lost(failure);
    this.#waiting.clear();
    this.#going?.lost(failure);
    this.#missing?.waiter.reject(failure);
    this.#giving?.reject(failure);
  }
}
