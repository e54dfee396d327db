/**
 * The ways to a server, the best first: a WebSocket; where that is blocked, an event stream with POST; where
 * that is blocked, too, long polling. The way that led there is tried first the next time.
 */

import { OrielError } from '../errors.ts';
import type { EventFrame, ReplyFrame } from '../protocol.gen.ts';
import { HttpTransport } from './http.ts';
import type { Frame, Transport, TransportListener } from './transport.ts';
import { WebSocketTransport } from './websocket.ts';

export class Ways {
  readonly #url: string;
  #isHttp = false;

  /** `url` is the `ws:` or `wss:` address of the server's `/v1/ws`. */
  constructor(url: string) {
    this.#url = url;
  }

  /** A transport that takes whichever way is open. */
  make(): Transport {
    return new Way(
      this.#isHttp,
      () => new WebSocketTransport(this.#url),
      () => new HttpTransport(httpAddress(this.#url)),
      (isHttp) => (this.#isHttp = isHttp),
    );
  }
}

/** One connection, by the first way that opens. */
class Way implements Transport {
  readonly #isHttp: boolean;
  readonly #socket: () => Transport;
  readonly #http: () => Transport;
  readonly #learn: (isHttp: boolean) => void;
  #transport: Transport | undefined;
  #closed = false;

  constructor(isHttp: boolean, socket: () => Transport, http: () => Transport, learn: (isHttp: boolean) => void) {
    this.#isHttp = isHttp;
    this.#socket = socket;
    this.#http = http;
    this.#learn = learn;
  }

  async open(listener: TransportListener, signal?: AbortSignal): Promise<void> {
    if (!this.#isHttp) {
      try {
        await (this.#transport = this.#socket()).open(listener, signal);
        return;
      } catch (error) {
        const isBlocked = error instanceof OrielError && (error.code === 'unreachable' || error.code === 'timeout');
        if (!isBlocked || this.#closed) throw error;
      }
    }
    let heard = false;
    const hear = (frame: ReplyFrame | EventFrame): void => {
      if (!heard) this.#learn(true);
      heard = true;
      listener.frame(frame);
    };
    // Who is not reached in this way either is looked for by the other one again.
    const closed = (error: OrielError): void => {
      if (!heard) this.#learn(false);
      listener.closed(error);
    };
    this.#transport = this.#http();
    await this.#transport.open({ frame: hear, envelope: (bytes) => listener.envelope(bytes), closed }, signal);
  }

  send(frame: Frame): void {
    this.#transport?.send(frame);
  }

  close(): void {
    this.#closed = true;
    this.#transport?.close();
  }
}

/** The server's `http(s)` address, from that of its WebSocket. */
function httpAddress(url: string): string {
  return url.replace(/^ws/, 'http').replace(/\/v1\/ws\/?$/, '');
}
