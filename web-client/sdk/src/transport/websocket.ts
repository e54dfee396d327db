/** Requests and events as JSON text frames on a WebSocket, subprotocol `oriel.v1`. */

import { abortedError, OrielError, throwIfAborted } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { EventFrame, Join, Joined, ReplyFrame } from '../protocol.gen.ts';
import type { Replies, RequestOf, RequestType, Transport, TransportListener } from './transport.ts';

const SUBPROTOCOL = 'oriel.v1';

export interface WebSocketTransportOptions {
  /** Milliseconds until an unanswered request, the opening included, is given up. */
  requestTimeout?: number;
  /** Milliseconds of silence after which the server is asked for a sign of life. */
  heartbeat?: number;
}

interface Pending {
  resolve: (reply: never) => void;
  reject: (error: OrielError) => void;
  timer: ReturnType<typeof setTimeout>;
}

/** The errors behind the close codes 4000 + HTTP status. */
const CLOSE_CODES: Readonly<Record<number, ErrorCode>> = {
  4400: 'bad_request',
  4401: 'unauthorized',
  4403: 'forbidden',
  4404: 'not_found',
  4413: 'too_large',
  4429: 'rate_limited',
  4500: 'internal',
  4503: 'busy',
};

export class WebSocketTransport implements Transport {
  readonly #url: string;
  readonly #requestTimeout: number;
  readonly #heartbeat: number;
  readonly #pending = new Map<number, Pending>();
  #socket: WebSocket | undefined;
  #listener: TransportListener | undefined;
  #early: EventFrame[] = [];
  #ended: OrielError | undefined;
  #nextId = 1;
  #heardAt = 0;
  #pulse: ReturnType<typeof setInterval> | undefined;

  /** `url` is the `ws:` or `wss:` address of the server's `/v1/ws`. */
  constructor(url: string, options: WebSocketTransportOptions = {}) {
    this.#url = url;
    this.#requestTimeout = options.requestTimeout ?? 10_000;
    this.#heartbeat = options.heartbeat ?? 15_000;
  }

  async attach(join: Join, signal?: AbortSignal): Promise<Joined> {
    throwIfAborted(signal);
    const abort = (): void => this.#end(abortedError(signal!));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await this.#open();
      const joined = await this.request<'join'>({ type: 'join', ...join });
      this.#pulse = setInterval(() => this.#beat(), this.#heartbeat);
      return joined;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  request<T extends RequestType>(request: RequestOf<T>): Promise<Replies[T]> {
    const socket = this.#socket;
    if (this.#ended || socket?.readyState !== WebSocket.OPEN) {
      return Promise.reject(this.#ended ?? new OrielError('not_connected', 'The connection is not open.'));
    }
    const id = this.#nextId++;
    return new Promise<Replies[T]>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new OrielError('timeout', `The server did not answer "${request.type}" in time.`));
      }, this.#requestTimeout);
      this.#pending.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ id, ...request }));
    });
  }

  events(listener: TransportListener): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const frame of early) listener.event(frame);
    // It may have ended between the join and this call.
    if (this.#ended && this.#ended.code !== 'aborted') listener.closed(this.#ended);
  }

  close(): void {
    this.#end(new OrielError('aborted', 'The connection was closed.'));
  }

  #open(): Promise<void> {
    return new Promise((resolve, reject) => {
      let socket: WebSocket;
      try {
        socket = this.#socket = new WebSocket(this.#url, SUBPROTOCOL);
      } catch (error) {
        // Not a WebSocket address, or forbidden by the page's security policy.
        reject(OrielError.from(error, 'unreachable'));
        return;
      }
      const timer = setTimeout(
        () => this.#end(new OrielError('timeout', 'The server did not answer in time.')),
        this.#requestTimeout,
      );
      const settle = (error?: OrielError): void => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
      this.#onEnd = settle;
      socket.onopen = () => settle();
      socket.onmessage = (message) => this.#receive(message.data);
      // The close event follows every error event and says more; an unheard error ends a Node process.
      socket.onerror = () => {};
      socket.onclose = (close) => this.#end(closeError(close, socket.protocol === SUBPROTOCOL));
    });
  }

  /** Settles the opening when the end comes first. */
  #onEnd: (error: OrielError) => void = () => {};

  #receive(data: unknown): void {
    this.#heardAt = Date.now();
    let frame: ReplyFrame | EventFrame;
    try {
      frame = JSON.parse(data as string) as ReplyFrame | EventFrame;
    } catch (error) {
      this.#end(new OrielError('protocol', 'The server sent something that is not JSON.', { cause: error }));
      return;
    }
    if (!('re' in frame)) {
      if (this.#listener) this.#listener.event(frame);
      else this.#early.push(frame);
      return;
    }
    const pending = this.#pending.get(frame.re);
    // A late answer to a request that timed out has nobody waiting.
    if (!pending) return;
    this.#pending.delete(frame.re);
    clearTimeout(pending.timer);
    if ('error' in frame) pending.reject(OrielError.fromServer(frame.error));
    else pending.resolve(frame.ok as never);
  }

  /**
   * Browsers neither show nor send WebSocket pings, so a path that died silently is found by asking:
   * "no more candidates", said again, changes nothing and must be answered.
   */
  #beat(): void {
    if (Date.now() - this.#heardAt < this.#heartbeat) return;
    this.request<'candidate'>({ type: 'candidate', candidate: '' }).catch((error: unknown) => {
      if (error instanceof OrielError && error.code === 'timeout') {
        this.#end(new OrielError('connection_lost', 'The server has gone silent.', { cause: error }));
      }
    });
  }

  #end(error: OrielError): void {
    if (this.#ended) return;
    this.#ended = error;
    clearInterval(this.#pulse);
    const socket = this.#socket;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000);
    }
    this.#onEnd(error);
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#pending.clear();
    if (error.code !== 'aborted') this.#listener?.closed(error);
  }
}

function closeError(close: CloseEvent, wasOpen: boolean): OrielError {
  const words = close.reason || `The connection ended (${close.code}).`;
  const code = CLOSE_CODES[close.code];
  if (code) return new OrielError(code, words);
  if (!wasOpen) return new OrielError('unreachable', 'No Oriel server answers at this address.');
  return new OrielError('connection_lost', words);
}
