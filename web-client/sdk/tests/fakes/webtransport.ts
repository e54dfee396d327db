/** A browser's WebTransport sessions, with the server's end of each in the hands of the test. */

import { vi } from 'vitest';

type Bytes = Uint8Array<ArrayBuffer>;

/** What is written into one end of a stream, and how the other end is told. */
export class FakeStream {
  readonly chunks: Bytes[] = [];
  isFinished = false;
  /** Why the writer has given it up. */
  aborted: unknown;
  #controller: WritableStreamDefaultController | undefined;
  #hold: Promise<void> | undefined;
  #release: () => void = () => {};
  readonly writable = new WritableStream<Bytes>({
    start: (controller) => void (this.#controller = controller),
    write: async (bytes) => {
      await this.#hold;
      this.chunks.push(bytes.slice());
    },
    close: () => void (this.isFinished = true),
    abort: (reason) => void (this.aborted = reason),
  });

  /** All that was written. */
  get bytes(): number[] {
    return this.chunks.flatMap((chunk) => [...chunk]);
  }

  /** Takes no more, until `flow`. */
  hold(): void {
    this.#hold = new Promise((resolve) => (this.#release = resolve));
  }

  flow(): void {
    this.#release();
    this.#hold = undefined;
  }

  /** As a server that stops reading, with a code. */
  stop(code: number): void {
    this.#controller?.error(Object.assign(new Error('stopped'), { streamErrorCode: code }));
  }
}

/** What the server sends. */
export class FakeSource<T> {
  cancelled: unknown;
  #controller: ReadableStreamDefaultController<T> | undefined;
  readonly readable = new ReadableStream<T>({
    start: (controller) => void (this.#controller = controller),
    cancel: (reason) => void (this.cancelled = reason),
  });

  tell(one: T): void {
    this.#controller?.enqueue(one);
  }

  finish(): void {
    this.#controller?.close();
  }

  reset(code: number): void {
    this.#controller?.error(Object.assign(new Error('reset'), { streamErrorCode: code }));
  }
}

/** How the next sessions fare, and what was made. */
export const network = {
  opens: true as boolean | Promise<unknown>,
  sessions: [] as FakeWebTransport[],
  get newest(): FakeWebTransport {
    return network.sessions.at(-1)!;
  },
};

export class FakeWebTransport {
  readonly datagramsOut = new FakeStream();
  readonly datagramsIn = new FakeSource<Bytes>();
  /** The first stream: what the client says, and what it is told. */
  readonly said = new FakeStream();
  readonly told = new FakeSource<Bytes>();
  readonly streamsIn = new FakeSource<ReadableStream<Bytes>>();
  readonly streamsOut: FakeStream[] = [];
  /** What the client closed it with. */
  closedWith: { closeCode?: number } | undefined;
  readonly ready: Promise<void>;
  readonly closed: Promise<{ closeCode?: number; reason?: string }>;
  readonly incomingUnidirectionalStreams = this.streamsIn.readable;
  readonly datagrams = {
    readable: this.datagramsIn.readable,
    writable: this.datagramsOut.writable,
    maxDatagramSize: 1_200,
    outgoingMaxAge: null as number | null,
  };
  #settle: { resolve: (info: { closeCode?: number; reason?: string }) => void; reject: (error: Error) => void } | undefined;
  #fail: (error: Error) => void = () => {};

  constructor(
    readonly url: string,
    readonly options: WebTransportOptions = {},
  ) {
    network.sessions.push(this);
    this.closed = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.ready = new Promise((resolve, reject) => {
      this.#fail = reject;
      if (network.opens === false) reject(new Error('blocked'));
      else if (network.opens === true) resolve();
      else network.opens.then(() => resolve(), reject);
    });
    this.ready.catch(() => {});
    if (network.opens === false) this.#settle?.reject(new Error('blocked'));
  }

  createBidirectionalStream(): Promise<object> {
    return Promise.resolve({ readable: this.told.readable, writable: this.said.writable });
  }

  createUnidirectionalStream(): Promise<WritableStream<Bytes>> {
    const stream = new FakeStream();
    this.streamsOut.push(stream);
    return Promise.resolve(stream.writable);
  }

  close(info: { closeCode?: number; reason?: string } = {}): void {
    this.closedWith ??= info;
    this.#fail(new Error('closed'));
    this.#settle?.resolve(info);
  }

  /** As the server ends it; without a code the connection is lost. */
  end(closeCode?: number, reason = ''): void {
    if (closeCode === undefined) this.#settle?.reject(new Error('lost'));
    else this.#settle?.resolve({ closeCode, reason });
  }
}

/** Puts them in place of the browser's, for one test. */
export function stubWebTransport(): void {
  network.opens = true;
  network.sessions = [];
  vi.stubGlobal('WebTransport', FakeWebTransport);
  vi.stubGlobal(
    'WebTransportError',
    class extends Error {
      readonly streamErrorCode: number | null;
      constructor(message: string, { streamErrorCode = null }: WebTransportErrorOptions = {}) {
        super(message);
        this.streamErrorCode = streamErrorCode;
      }
    },
  );
}
