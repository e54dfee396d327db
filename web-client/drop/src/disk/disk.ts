/** The page's end of the worker that reads, hashes and writes. */
import type { Answer, DiskRequest, DiskRequests, Question } from './requests.ts';

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
  readonly hashed: ((bytes: number) => void) | undefined;
}

/** By the name that bundlers look for: they put in the address of the worker's file. */
class Worker {
  constructor(address: URL, options: WorkerOptions) {
    if (address.origin === globalThis.location?.origin) return new globalThis.Worker(address, options);
    // In the pages of other sites browsers start only what is the page's own.
    const own = new Blob([`import ${JSON.stringify(address.href)};`], { type: 'text/javascript' });
    return new globalThis.Worker(URL.createObjectURL(own), options);
  }
}

export interface DiskOptions {
  /** The address of the service worker that makes downloads, on the page's own site: `service-worker.js` of this package. */
  readonly downloads?: string | undefined;
}

export class Disk {
  /** Where the service worker is that makes downloads, if it is anywhere. */
  readonly downloads: string | undefined;
  readonly #worker: globalThis.Worker;
  readonly #pending = new Map<number, Pending>();
  #last = 0;
  #failure: Error | undefined;

  constructor({ downloads }: DiskOptions = {}) {
    this.downloads = downloads;
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' }) as globalThis.Worker;
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#answer(data);
    worker.onerror = () => {
      this.#failure = new Error('The worker for files does not start: the page must allow worker-src blob:');
      this.#fail(this.#failure);
    };
  }

  /** Asks the worker. `transfer` is handed over; `hashed` hears how many bytes have been hashed. */
  ask<R extends DiskRequest>(
    request: R,
    ask: DiskRequests[R][0],
    { transfer = [], hashed }: { transfer?: Transferable[]; hashed?: (bytes: number) => void } = {},
  ): Promise<DiskRequests[R][1]> {
    const number = (this.#last += 1);
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      this.#pending.set(number, { resolve, reject, hashed });
      this.#worker.postMessage({ number, request, ask } satisfies Question<R>, transfer);
    });
  }

  /** Ends the worker. What is stored stays. */
  close(): void {
    this.#worker.terminate();
    this.#fail(new Error('The page is done with files.'));
  }

  #answer(answer: Answer): void {
    const pending = this.#pending.get(answer.number);
    if (!pending) return;
    if ('hashed' in answer) {
      pending.hashed?.(answer.hashed);
      return;
    }
    this.#pending.delete(answer.number);
    if ('failure' in answer) pending.reject(new Error(answer.failure));
    else pending.resolve(answer.answer as never);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
