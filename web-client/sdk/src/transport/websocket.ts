/** Frames on a WebSocket, subprotocol `oriel.v1`: JSON as text, envelopes as binary. */

import { abortedError, OrielError, throwIfAborted } from '../errors.ts';
import type { EventFrame, ReplyFrame } from '../protocol.gen.ts';
import { closeError } from './close-codes.ts';
import type { Frame, Transport, TransportListener } from './transport.ts';

const SUBPROTOCOL = 'oriel.v1';
/** Milliseconds until an opening is given up. */
const OPEN_TIMEOUT = 10_000;

export class WebSocketTransport implements Transport {
  readonly #url: string;
  #socket: WebSocket | undefined;
  #listener: TransportListener | undefined;
  #settleOpening: ((error?: OrielError) => void) | undefined;

  /** `url` is the `ws:` or `wss:` address of the server's `/v1/ws`. */
  constructor(url: string) {
    this.#url = url;
  }

  async open(listener: TransportListener, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const abort = (): void => this.#end(abortedError(signal!));
    signal?.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(
      () => this.#end(new OrielError('timeout', 'The server did not answer in time.')),
      OPEN_TIMEOUT,
    );
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settleOpening = (error) => (error ? reject(error) : resolve());
        this.#connect();
      });
      this.#listener = listener;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#settleOpening = undefined;
    }
  }

  send(frame: Frame): void {
    // One that is closing drops what it is given; its end is told in a moment.
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  close(): void {
    this.#listener = undefined;
    this.#end(new OrielError('aborted', 'The connection was closed.'));
  }

  #connect(): void {
    let socket: WebSocket;
    try {
      socket = this.#socket = new WebSocket(this.#url, SUBPROTOCOL);
    } catch (error) {
      // Not a WebSocket address, or forbidden by the page's security policy.
      this.#end(OrielError.from(error, 'unreachable'));
      return;
    }
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#settleOpening?.();
    socket.onmessage = (message) => this.#receive(message.data);
    // The close event follows every error event and says more; an unheard error ends a Node process.
    socket.onerror = () => {};
    socket.onclose = (close) => this.#end(closeError(close.code, close.reason, socket.protocol === SUBPROTOCOL));
  }

  #receive(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      this.#listener?.envelope(new Uint8Array(data));
      return;
    }
    let frame: ReplyFrame | EventFrame;
    try {
      frame = JSON.parse(data as string) as ReplyFrame | EventFrame;
    } catch (error) {
      this.#end(new OrielError('protocol', 'The server sent something that is not JSON.', { cause: error }));
      return;
    }
    this.#listener?.frame(frame);
  }

  #end(error: OrielError): void {
    const socket = this.#socket;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000);
    }
    this.#settleOpening?.(error);
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed(error);
  }
}
