/**
 * Frames and data on a WebTransport session (`docs/protocol.md`, "WebTransport"): the first bidirectional stream
 * carries what a WebSocket would, and reliable data; datagrams carry lossy data; unidirectional streams carry
 * whatever is too long for a message.
 */

import { decodeEnvelope, LONGEST_ENVELOPE } from '../data/envelope.ts';
import type { Outlet } from '../data/lane.ts';
import { abortedError, OrielError, throwIfAborted } from '../errors.ts';
import type { EventFrame, ReplyFrame } from '../protocol.gen.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { closeError } from './close-codes.ts';
import { frame, FrameReader } from './framing.ts';
import { incoming, outgoing } from './streams.ts';
import type { Carrier, Frame, Incoming, Transport, TransportListener } from './transport.ts';
import type { WebTransportPlace } from './ways.ts';

/** Milliseconds until an opening is given up. */
const OPEN_TIMEOUT = 10_000;
/** Milliseconds that the session's own end may come behind that of its first stream. */
const END_GRACE = 250;
/** Milliseconds that a good-bye may take to leave the browser. */
const FLUSH_TIMEOUT = 1_000;
/** Milliseconds that a datagram may wait in the browser; older ones are dropped there. */
const DATAGRAM_AGE = 100;
/** Bytes of one message from the server: beyond any that it writes. */
const LONGEST_FRAME = 16 << 20;
/** What begins a message that is JSON. */
const BRACE = 0x7b;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** In newer browsers the way out for datagrams is made. */
type Datagrams = WebTransportDatagramDuplexStream & { createWritable?(): WritableStream };

export class WebTransportTransport implements Transport {
  readonly #place: WebTransportPlace;
  #session: WebTransport | undefined;
  #frames: Outgoing | undefined;
  #listener: TransportListener | undefined;
  #carrier: Carrier | undefined;

  constructor(place: WebTransportPlace) {
    this.#place = place;
  }

  get carrier(): Carrier | undefined {
    return this.#carrier;
  }

  async open(listener: TransportListener, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    let failure: OrielError | undefined;
    const giveUp = (error: OrielError): void => {
      failure ??= error;
      this.#session?.close();
    };
    const abort = (): void => giveUp(abortedError(signal!));
    signal?.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(() => giveUp(new OrielError('timeout', 'The server did not answer in time.')), OPEN_TIMEOUT);
    try {
      const session = (this.#session = this.#connect());
      // The end is told below, once there is something that can end.
      session.closed.catch(() => {});
      await session.ready;
      const stream = await session.createBidirectionalStream();
      // It may have been given up in the same moment.
      if (failure) throw failure;
      this.#begin(session, stream, listener);
    } catch (error) {
      throw failure ?? new OrielError('unreachable', 'No Oriel server answers by WebTransport at this address.', { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  send(text: Frame): void {
    this.#frames?.send(frame(encoder.encode(typeof text === 'string' ? text : asRequest(text))));
  }

  close(): void {
    this.#listener = undefined;
    this.#carrier = undefined;
    const session = this.#session;
    // What was said last goes out first.
    const flushed = this.#frames?.finish() ?? Promise.resolve();
    const late = new Promise((resolve) => setTimeout(resolve, FLUSH_TIMEOUT));
    void Promise.race([flushed, late]).then(() => session?.close({ closeCode: 1000, reason: '' }));
    this.#frames = undefined;
  }

  #connect(): WebTransport {
    const { url, certificate_hashes: hashes = [] } = this.#place;
    const serverCertificateHashes = hashes.map((hash) => ({ algorithm: 'sha-256', value: decodeBase64(hash) }));
    return new WebTransport(url, {
      requireUnreliable: true,
      congestionControl: 'low-latency',
      ...(serverCertificateHashes.length > 0 ? { serverCertificateHashes } : {}),
    });
  }

  #begin(session: WebTransport, stream: WebTransportBidirectionalStream, listener: TransportListener): void {
    this.#listener = listener;
    const datagrams = session.datagrams as Datagrams;
    datagrams.outgoingMaxAge = DATAGRAM_AGE;
    const frames = (this.#frames = new Outgoing(stream.writable));
    const lossy = new Outgoing(datagrams.createWritable?.() ?? datagrams.writable, () => datagrams.maxDatagramSize);
    const reliable: Outlet = {
      get isOpen() {
        return frames.isOpen;
      },
      get waiting() {
        return frames.waiting;
      },
      send: (bytes) => frames.send(frame(bytes)),
      watch: (low, drained, closed) => frames.watch(low, drained, closed),
    };
    this.#carrier = {
      outlets: { reliable, lossy },
      open: async (head) => outgoing(await session.createUnidirectionalStream(), head),
      accept: (told) => void this.#accept(session, told),
    };
    const ended = (error: OrielError): void => {
      frames.end();
      lossy.end();
      this.#end(error);
    };
    session.closed.then(
      ({ closeCode = 0, reason = '' }) => ended(closeError(closeCode, reason, true)),
      (error: unknown) => ended(new OrielError('connection_lost', 'The connection was lost.', { cause: error })),
    );
    void this.#readFrames(stream.readable as ReadableStream<Uint8Array<ArrayBuffer>>).finally(() => {
      // The server says why it ends by the session; a first stream that ends alone is an end, too.
      setTimeout(() => ended(new OrielError('connection_lost', 'The connection ended.')), END_GRACE);
    });
    void this.#readDatagrams(datagrams.readable as ReadableStream<Uint8Array<ArrayBuffer>>);
  }

  async #readFrames(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const frames = new FrameReader(LONGEST_FRAME);
    await each(stream, (bytes) => {
      for (let rest = bytes; rest.length > 0; ) {
        let body: Uint8Array | undefined;
        let told: ReplyFrame | EventFrame | undefined;
        try {
          [body, rest] = frames.read(rest);
          if (body?.[0] === BRACE) told = JSON.parse(decoder.decode(body)) as ReplyFrame | EventFrame;
        } catch (error) {
          this.#end(new OrielError('protocol', 'The server sent something that is neither JSON nor an envelope.', { cause: error }));
          return;
        }
        if (told) this.#listener?.frame(told);
        else if (body) this.#listener?.envelope(body);
      }
    });
  }

  async #readDatagrams(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    await each(stream, (bytes) => this.#listener?.envelope(bytes));
  }

  async #accept(session: WebTransport, told: (incoming: Incoming) => void): Promise<void> {
    const streams = session.incomingUnidirectionalStreams as ReadableStream<ReadableStream<Uint8Array<ArrayBuffer>>>;
    await each(streams, (stream) => {
      // One that is broken before its head is whole is nobody's loss.
      incoming(stream, LONGEST_ENVELOPE).then(told, () => {});
    });
  }

  #end(error: OrielError): void {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#carrier = undefined;
    this.#session?.close({ closeCode: 1000, reason: '' });
    listener?.closed(error);
  }
}

/** What is written into one stream, and how much of it waits. */
class Outgoing implements Outlet {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #size: (() => number) | undefined;
  #waiting = 0;
  #isOpen = true;
  #low = 0;
  #drained: () => void = () => {};
  #closed: () => void = () => {};

  /** `most`: how long a message may be, where there is a limit. */
  constructor(stream: WritableStream, most?: () => number) {
    this.#writer = (stream as WritableStream<Uint8Array>).getWriter();
    this.#writer.closed.catch(() => this.end());
    this.#size = most;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get most(): number {
    return this.#size?.() ?? Infinity;
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    const { length } = bytes;
    this.#waiting += length;
    const taken = (): void => {
      this.#waiting -= length;
      if (this.#waiting <= this.#low) this.#drained();
    };
    this.#writer.write(bytes).then(taken, () => this.end());
  }

  watch(low: number, drained: () => void, closed: () => void): void {
    [this.#low, this.#drained, this.#closed] = [low, drained, closed];
  }

  /** Resolves when all has left the browser, and nothing follows. */
  finish(): Promise<void> {
    this.end();
    return this.#writer.close().catch(() => {});
  }

  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#closed();
  }
}

/** Calls `told` for all that comes, to the end, whatever that is. */
async function each<T>(stream: ReadableStream<T>, told: (one: T) => void): Promise<void> {
  const reader = stream.getReader();
  for (;;) {
    const next = await reader.read().catch(() => undefined);
    if (!next || next.done) return;
    told(next.value);
  }
}

/** An envelope as the request that it stands for: here an envelope goes past the journal, and has no reply. */
function asRequest(bytes: Uint8Array): string {
  const { id, topic, to, subscribers: listeners, lossy, payload } = decodeEnvelope(bytes)!;
  return JSON.stringify({ id: Number(id), type: 'send', topic, payload: encodeBase64(payload), to, listeners, lossy, message: Number(id) });
}
