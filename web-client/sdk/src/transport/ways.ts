/**
 * The ways to a server: WebTransport, where it is wanted; a WebSocket; where that is blocked, an event stream with
 * POST; where that is blocked, too, long polling. The way that led there is tried first the next time.
 */

import { OrielError } from '../errors.ts';
import type { EventFrame, ReplyFrame } from '../protocol.gen.ts';
import { HttpTransport } from './http.ts';
import { Race } from './race.ts';
import type { Frame, Transport, TransportListener } from './transport.ts';
import { WebSocketTransport } from './websocket.ts';

/** `http` is the event stream or polling, whichever goes. */
export type TransportName = 'webtransport' | 'websocket' | 'http';

/** Where a server takes WebTransport sessions, as `POST /v1/join` says it. */
export interface WebTransportPlace {
  url: string;
  /** SHA-256 of the certificates that it may show, in base 64; absent where the browser knows who signs them. */
  certificate_hashes?: readonly string[];
}

/** Where a server is reached. */
export interface Places {
  /** The `ws:` or `wss:` address of its `/v1/ws`. */
  url: string;
  webtransport?: WebTransportPlace | undefined;
}

/** Without being asked for: the ways that are open nearly everywhere. */
const USUAL: readonly TransportName[] = ['websocket', 'http'];

export class Ways {
  readonly #places: Places;
  readonly #wanted: ReadonlySet<TransportName>;
  #isHttp: boolean;

  /** Throws where none of the `wanted` can be taken. */
  constructor(places: Places, wanted: readonly TransportName[] = USUAL) {
    this.#places = places;
    this.#wanted = new Set(wanted);
    this.#isHttp = !this.#wanted.has('websocket');
    if (!this.#isOverTcp && !this.#session) {
      throw new OrielError('unsupported', `There is no way to the server: of ${wanted.join(', ') || 'none'} this browser and the server have none in common.`);
    }
  }

  /** A transport that takes whichever way is open. */
  make(): Transport {
    const { url } = this.#places;
    const session = this.#session;
    const load = async (place: WebTransportPlace): Promise<Transport> => {
      const { WebTransportTransport } = await import('./webtransport.ts');
      return new WebTransportTransport(place);
    };
    const way = new Way(
      this.#isHttp,
      () => new WebSocketTransport(url),
      this.#wanted.has('http') ? () => new HttpTransport(httpAddress(url)) : undefined,
      (isHttp) => (this.#isHttp = isHttp || !this.#wanted.has('websocket')),
    );
    return session ? new Race(load(session), this.#isOverTcp ? way : undefined) : way;
  }

  get #isOverTcp(): boolean {
    return this.#wanted.has('websocket') || this.#wanted.has('http');
  }

  /** Where to open a session, if that is wanted and can be. */
  get #session(): WebTransportPlace | undefined {
    const canOpen = this.#wanted.has('webtransport') && typeof WebTransport === 'function';
    return canOpen ? this.#places.webtransport : undefined;
  }
}

/** One connection by a WebSocket, else by plain HTTP. */
class Way implements Transport {
  readonly #isHttp: boolean;
  readonly #socket: () => Transport;
  readonly #http: (() => Transport) | undefined;
  readonly #learn: (isHttp: boolean) => void;
  #transport: Transport | undefined;
  #closed = false;

  constructor(isHttp: boolean, socket: () => Transport, http: (() => Transport) | undefined, learn: (isHttp: boolean) => void) {
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
        if (!isBlocked || this.#closed || !this.#http) throw error;
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
    this.#transport = this.#http!();
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

/** Where a server at that address takes WebTransport sessions, if it speaks TLS. `url` is that of its WebSocket. */
export function sessionPlace(url: string): WebTransportPlace | undefined {
  const address = new URL('/v1/webtransport', url);
  return address.protocol === 'wss:' ? { url: address.href.replace(/^wss/, 'https') } : undefined;
}
